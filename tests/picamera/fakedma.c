/* Preloaded into a process, gives it the two devices from which libcamera and Picamera2 take memory for
 * frames, /dev/dma_heap/linux,cma and /dev/udmabuf: ordinary shared memory in place of a Pi's. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct heap_allocation { uint64_t length; uint32_t descriptor, flags; uint64_t heap_flags; }; /* linux/dma-heap.h */
struct udmabuf_create { uint32_t memory, flags; uint64_t offset, size; };                      /* linux/udmabuf.h */

static int opened(const char *path, int flags, mode_t mode)
{
	if (path && (!strcmp(path, "/dev/dma_heap/linux,cma") || !strcmp(path, "/dev/udmabuf")))
		return memfd_create("device", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* All the names under which the C library's open is called. */
#define OPEN(name, more)                                                        \
	int name(const char *path, int flags, ...)                              \
	{                                                                       \
		va_list rest;                                                   \
		va_start(rest, flags);                                          \
		mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
		va_end(rest);                                                   \
		return opened(path, flags | more, mode);                        \
	}
OPEN(open, 0)
OPEN(open64, O_LARGEFILE)
int __open_2(const char *path, int flags) { return opened(path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened(path, flags | O_LARGEFILE, 0); }

int ioctl(int descriptor, unsigned long request, ...)
{
	va_list rest;
	va_start(rest, request);
	void *argument = va_arg(rest, void *);
	va_end(rest);
	switch ((request >> 8 & 0xff) << 8 | (request & 0xff)) {
	case 'H' << 8 | 0: { /* DMA_HEAP_IOCTL_ALLOC */
		struct heap_allocation *allocation = argument;
		int memory = memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (memory < 0 || ftruncate(memory, allocation->length))
			return -1;
		allocation->descriptor = memory;
		return 0;
	}
	case 'u' << 8 | 0x42: /* UDMABUF_CREATE */
		return fcntl(((struct udmabuf_create *)argument)->memory, F_DUPFD_CLOEXEC, 0);
	case 'b' << 8 | 0: /* DMA_BUF_IOCTL_SYNC */
	case 'b' << 8 | 1: /* DMA_BUF_SET_NAME */
		return 0;
	}
	return syscall(SYS_ioctl, descriptor, request, argument);
}
