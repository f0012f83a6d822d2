/*
 * Makes qemu's fused multiply-add of single precision, in which emulated convolutions spend most of
 * their time, one instruction of this machine. Of numbers the results are the same, as far as nobody
 * asks for another rounding or for denormals to be flushed; what is not a number may have other bits,
 * and flags of exceptions are not kept. Every worker compares its outputs with the host's. What is
 * counted does not depend on it.
 *
 * Does nothing where qemu does not show its function, where this machine has no such instruction, or
 * where memory of programs cannot be written.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __x86_64__
/* Of qemu's softfloat. */
enum { NEGATE_ADDEND = 1, NEGATE_PRODUCT = 2, NEGATE_RESULT = 4, HALVE_RESULT = 8 };

__attribute__((target("fma"))) static uint32_t multiply_add(uint32_t a, uint32_t b, uint32_t c,
                                                            int flags, void *status)
{
    float x, y, addend;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    memcpy(&addend, &c, sizeof addend);
    float result;
    if (!flags) {
        result = __builtin_fmaf(x, y, addend);
    } else {
        result = __builtin_fmaf(flags & NEGATE_PRODUCT ? -x : x, y,
                                flags & NEGATE_ADDEND ? -addend : addend);
        if (flags & NEGATE_RESULT)
            result = -result;
        if (flags & HALVE_RESULT)
            result /= 2;
    }
    memcpy(&a, &result, sizeof a);
    return a;
}

void take_quick_multiply_add(void)
{
    /* mov $address, %rax; jmp *%rax */
    unsigned char jump[] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};
    uintptr_t target = (uintptr_t)multiply_add;
    unsigned char *function = dlsym(RTLD_DEFAULT, "float32_muladd");
    if (!function || !__builtin_cpu_supports("fma"))
        return;
    uintptr_t page = sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)function & -page;
    size_t length = (uintptr_t)function + sizeof jump - start;
    if (mprotect((void *)start, length, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return;
    memcpy(jump + 2, &target, sizeof target);
    memcpy(function, jump, sizeof jump);
    mprotect((void *)start, length, PROT_READ | PROT_EXEC);
}
#else
void take_quick_multiply_add(void)
{
}
#endif
