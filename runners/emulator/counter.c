/*
 * A plugin for qemu-user that counts what one thread of an emulated program executes between two
 * marks: instructions and, if asked, misses of a first-level data cache and of a second-level cache.
 *
 * Arguments: out=FILE, and caches=on for the misses. The program marks by calling
 * lseek(file, BEGIN, SEEK_SET) and lseek(file, END, SEEK_SET), places where it has no other business.
 * At END the counts are written to FILE as three unsigned 64-bit numbers.
 *
 * The caches begin empty and keep their content from one pair of marks to the next; while nothing is
 * being counted they are not touched, as if the program did nothing else. Lines are allocated on reads
 * and writes, the least recently used one of a set is replaced, nothing is prefetched. Instruction
 * fetches are not modelled. Caches see physical addresses: pages get frames in the order in which
 * they are first touched, so that misses do not depend on where a run's memory happens to lie.
 *
 * What is declared here of qemu's plugin interface is the same from its version 1 (qemu 4.2) on;
 * PLUGIN_VERSION, which qemu checks, is defined when this is compiled.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef uint64_t plugin_id;
struct block;
struct instruction;
enum { NO_REGISTERS = 0, READS_AND_WRITES = 3 };
typedef void block_translated(plugin_id, struct block *);
typedef void block_executed(unsigned vcpu, void *data);
typedef void memory_accessed(unsigned vcpu, uint32_t access, uint64_t address, void *data);
typedef void system_called(plugin_id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                           uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                           uint64_t a8);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, block_translated *);
void qemu_plugin_register_vcpu_tb_exec_cb(struct block *, block_executed *, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct instruction *, memory_accessed *, int flags, int kind,
                                      void *data);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, system_called *);
size_t qemu_plugin_tb_n_insns(const struct block *);
struct instruction *qemu_plugin_tb_get_insn(const struct block *, size_t index);
unsigned qemu_plugin_mem_size_shift(uint32_t access);

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = PLUGIN_VERSION;

enum { LSEEK = 62 }; /* of aarch64 */
static const uint64_t BEGIN = 0x7e57be61, END = 0x7e57e4d5;

/* A Cortex-A57 as in the Snapdragon 810's fast cluster. */
enum { LINE_BITS = 6 };
enum { L1_SETS = 256, L1_WAYS = 2 };   /* 32 KiB */
enum { L2_SETS = 2048, L2_WAYS = 16 }; /* 2 MiB */

enum { PAGE_BITS = 12, LINES_OF_PAGE_BITS = PAGE_BITS - LINE_BITS };
enum { FRAMES_BITS = 21, FRAMES = 1 << FRAMES_BITS }; /* 8 GiB of pages */

static uint64_t l1_lines[L1_SETS * L1_WAYS], l2_lines[L2_SETS * L2_WAYS];
static struct { uint64_t instructions, l1d_misses, l2_misses; } counts;
/* A hash table; frame 0 is an empty place. */
static struct { uint64_t page, frame; } frames[FRAMES];
static uint64_t last_page, last_frame, frames_given;
static const unsigned NOBODY = ~0u;
static unsigned counted_vcpu = ~0u;
static uint64_t last_line;
static bool with_caches;
static int out = -1;

/* Make `line` the most recent of its set; return whether it was there. Line 0 is an empty place. */
static inline bool touch(uint64_t *lines, unsigned sets, unsigned ways, uint64_t line)
{
    uint64_t *set = lines + (line % sets) * ways;
    uint64_t carried = line;
    for (unsigned way = 0; way < ways; way++) {
        uint64_t held = set[way];
        set[way] = carried;
        if (held == line)
            return true;
        carried = held;
    }
    return false;
}

/* Return the frame of a page, the next free one when it is first touched. */
static inline uint64_t frame_of(uint64_t page)
{
    if (page == last_page)
        return last_frame;
    size_t place = page * 0x9e3779b97f4a7c15 >> (64 - FRAMES_BITS);
    while (frames[place].frame && frames[place].page != page)
        place = (place + 1) % FRAMES;
    if (!frames[place].frame) {
        if (++frames_given == FRAMES)
            _exit(71); /* EX_OSERR of sysexits.h: the table is full */
        frames[place].page = page;
        frames[place].frame = frames_given;
    }
    last_page = page;
    return last_frame = frames[place].frame;
}

static inline void access_line(uint64_t virtual_line)
{
    if (virtual_line == last_line)
        return;
    last_line = virtual_line;
    uint64_t line = frame_of(virtual_line >> LINES_OF_PAGE_BITS) << LINES_OF_PAGE_BITS;
    line |= virtual_line & ((1 << LINES_OF_PAGE_BITS) - 1);
    if (touch(l1_lines, L1_SETS, L1_WAYS, line))
        return;
    counts.l1d_misses++;
    if (!touch(l2_lines, L2_SETS, L2_WAYS, line))
        counts.l2_misses++;
}

static void on_access(unsigned vcpu, uint32_t access, uint64_t address, void *data)
{
    if (vcpu != counted_vcpu)
        return;
    uint64_t last = address + (1u << qemu_plugin_mem_size_shift(access)) - 1;
    access_line(address >> LINE_BITS);
    access_line(last >> LINE_BITS);
}

static void on_block(unsigned vcpu, void *instructions)
{
    if (vcpu == counted_vcpu)
        counts.instructions += (uintptr_t)instructions;
}

static void on_translation(plugin_id id, struct block *block)
{
    size_t instructions = qemu_plugin_tb_n_insns(block);
    void *data = (void *)(uintptr_t)instructions;
    qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, NO_REGISTERS, data);
    for (size_t index = 0; with_caches && index < instructions; index++) {
        struct instruction *each = qemu_plugin_tb_get_insn(block, index);
        qemu_plugin_register_vcpu_mem_cb(each, on_access, NO_REGISTERS, READS_AND_WRITES, NULL);
    }
}

static void on_system_call(plugin_id id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                           uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                           uint64_t a8)
{
    if (number != LSEEK)
        return;
    if (a2 == BEGIN) {
        memset(&counts, 0, sizeof counts);
        last_line = 0;
        counted_vcpu = vcpu;
    } else if (a2 == END && vcpu == counted_vcpu) {
        counted_vcpu = NOBODY;
        if (pwrite(out, &counts, sizeof counts, 0) != sizeof counts)
            _exit(74); /* EX_IOERR of sysexits.h */
    }
}

EXPORTED int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    for (int index = 0; index < argc; index++) {
        if (strncmp(argv[index], "out=", 4) == 0)
            out = open(argv[index] + 4, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        else if (strcmp(argv[index], "caches=on") == 0)
            with_caches = true;
    }
    if (out < 0)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_syscall_cb(id, on_system_call);
    return 0;
}
