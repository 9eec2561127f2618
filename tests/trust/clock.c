/* The wall clock of one process, moved: LD_PRELOAD it, and CLOCK_SHIFT names a file with the seconds (8 bytes, of this
   machine) to add. A change of the file is seen at once, and the monotonic clock is left alone, as where somebody sets the
   clock of a machine. (libfaketime 0.9.10 cannot be used: under it Python's time.sleep fails with EINVAL.) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static const volatile int64_t *shift;
static int (*true_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("CLOCK_SHIFT");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *seen = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    true_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (seen == MAP_FAILED || !true_clock)
        abort();
    shift = seen;
}

int clock_gettime(clockid_t id, struct timespec *moment) {
    int failed = true_clock(id, moment);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        moment->tv_sec += *shift;
    return failed;
}

int gettimeofday(struct timeval *moment, void *zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    moment->tv_sec = now.tv_sec;
    moment->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *moment) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    if (moment)
        *moment = now.tv_sec;
    return now.tv_sec;
}
