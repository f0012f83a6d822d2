/*
 * A plugin for qemu-x86_64 that counts the instructions that one thread of a program executes between
 * two marks. The program marks as for counter.c, and gets its counts in that format; what is counted
 * there beside instructions (branches, memory, misses of an ARM core's caches) is 0 here.
 *
 * Argument: out=FILE, into which the counts are written at each second mark.
 *
 * A repeated string instruction counts once for each repetition. As in counter.c, nothing is counted
 * until some time after the first mark, so that programs start quicker.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

typedef uint64_t plugin_id;
struct block;
enum { NO_REGISTERS = 0 };
typedef void block_translated(plugin_id, struct block *);
typedef void block_executed(unsigned vcpu, void *data);
typedef void system_called(plugin_id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                           uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                           uint64_t a8);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, block_translated *);
void qemu_plugin_register_vcpu_tb_exec_cb(struct block *, block_executed *, int flags, void *data);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, system_called *);
void qemu_plugin_reset(plugin_id, void (*done)(plugin_id));
size_t qemu_plugin_tb_n_insns(const struct block *);

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = PLUGIN_VERSION;

enum { LSEEK = 8 }; /* of x86-64 */
static const uint64_t BEGIN = 0x7e57be61, END = 0x7e57e4d5;

static const unsigned NOBODY = ~0u;
static unsigned counted_vcpu = ~0u;
static struct {
    uint64_t instructions, not_counted[5];
} counts;
static bool instrumented;
static int out = -1;

void take_quick_multiply_add(void); /* multiply_add.c */

static void on_block(unsigned vcpu, void *instructions)
{
    if (vcpu == counted_vcpu)
        counts.instructions += (uintptr_t)instructions;
}

static void on_translation(plugin_id id, struct block *block)
{
    void *instructions = (void *)(uintptr_t)qemu_plugin_tb_n_insns(block);
    qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, NO_REGISTERS, instructions);
}

static void instrument(plugin_id id);

static void on_system_call(plugin_id id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                           uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                           uint64_t a8)
{
    if (number != LSEEK || (a2 != BEGIN && a2 != END))
        return;
    if (!instrumented) {
        instrumented = true;
        qemu_plugin_reset(id, instrument);
    } else if (a2 == BEGIN) {
        counts.instructions = 0;
        counted_vcpu = vcpu;
    } else if (vcpu == counted_vcpu) {
        counted_vcpu = NOBODY;
        if (pwrite(out, &counts, sizeof counts, 0) != sizeof counts)
            _exit(74); /* EX_IOERR of sysexits.h */
    }
}

/* From here on, blocks are translated with calls of this plugin; qemu forgets those that it has. */
static void instrument(plugin_id id)
{
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_syscall_cb(id, on_system_call);
}

EXPORTED int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    for (int index = 0; index < argc; index++)
        if (strncmp(argv[index], "out=", 4) == 0)
            out = open(argv[index] + 4, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (out < 0)
        return -1;
    take_quick_multiply_add();
    qemu_plugin_register_vcpu_syscall_cb(id, on_system_call);
    return 0;
}
