/* SPDX-License-Identifier: Apache-2.0 */
/* One program in a process group of its own. The vendor's tools are scripts that start other
 * programs, so stopping means the whole group. Must not know about: what is run. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hls/flow/internal.h"

enum {
    FIRST_WAIT_NS = 2000000, /* doubles up to the next: short programs are not waited for longer */
    LONGEST_WAIT_NS = 200000000,
    CANNOT_START = 127 /* what shells exit with, too */
};
static const double grace_seconds = 10;

double weft__build_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Only what is safe after a fork of a process with threads. A pipe that closes itself on success
 * carries the reason for which the program does not start. */
static void become(const char *const *words, const char *folder, int log, int report)
{
    int error = 0, nothing = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0 || (folder != NULL && chdir(folder) != 0))
        error = errno;
    if (error == 0) {
        execv(words[0], (char *const *)words);
        error = errno;
    }
    if (write(report, &error, sizeof error) < 0)
        _exit(CANNOT_START);
    _exit(CANNOT_START);
}

static pid_t start(const char *const *words, const char *folder, int log, int *out_error)
{
    int report[2];
    *out_error = 0;
    if (pipe(report) != 0) {
        *out_error = errno;
        return -1;
    }
    fcntl(report[1], F_SETFD, FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) {
        close(report[0]);
        become(words, folder, log, report[1]);
    }
    if (child < 0)
        *out_error = errno;
    close(report[1]);
    if (child > 0) {
        setpgid(child, child); /* both sides: whoever comes first */
        int error = 0;
        ssize_t got;
        do
            got = read(report[0], &error, sizeof error);
        while (got < 0 && errno == EINTR);
        if (got == (ssize_t)sizeof error) {
            *out_error = error;
            waitpid(child, NULL, 0);
            child = -1;
        }
    }
    close(report[0]);
    return child;
}

/* True when the child has ended. */
static bool poll_once(pid_t child, int *out_status)
{
    pid_t got = waitpid(child, out_status, WNOHANG);
    return got == child || (got < 0 && errno != EINTR);
}

static void rest(long *wait_ns)
{
    struct timespec pause = {.tv_sec = 0, .tv_nsec = *wait_ns};
    nanosleep(&pause, NULL);
    *wait_ns = *wait_ns * 2 > LONGEST_WAIT_NS ? LONGEST_WAIT_NS : *wait_ns * 2;
}

/* Asks the group to end, then makes it. */
static void stop(pid_t child, int *out_status)
{
    long wait_ns = FIRST_WAIT_NS;
    double asked = weft__build_now();
    kill(-child, SIGTERM);
    bool has_ended;
    while (!(has_ended = poll_once(child, out_status)) && weft__build_now() - asked < grace_seconds)
        rest(&wait_ns);
    kill(-child, SIGKILL);
    while (!has_ended && waitpid(child, out_status, 0) < 0 && errno == EINTR)
        ;
}

flow_outcome weft__build_process(const char *const *words, const char *folder, int log,
                                 bool (*tick)(void *user, double seconds), void *user)
{
    flow_outcome outcome = {.end = FLOW_END_EXIT};
    double begin = weft__build_now();
    long wait_ns = FIRST_WAIT_NS;
    int status = 0, error = 0;
    pid_t child = start(words, folder, log, &error);
    if (child < 0)
        return (flow_outcome){.end = FLOW_END_START, .code = error};
    while (!poll_once(child, &status)) {
        if (!tick(user, weft__build_now() - begin)) {
            stop(child, &status);
            outcome.end = FLOW_END_STOPPED;
            break;
        }
        rest(&wait_ns);
    }
    outcome.seconds = weft__build_now() - begin;
    if (outcome.end == FLOW_END_STOPPED)
        return outcome;
    if (WIFSIGNALED(status)) {
        outcome.end = FLOW_END_SIGNAL;
        outcome.code = WTERMSIG(status);
    } else {
        outcome.code = WEXITSTATUS(status);
    }
    if (outcome.end == FLOW_END_SIGNAL || outcome.code != 0)
        kill(-child, SIGTERM); /* what a program that died left running */
    return outcome;
}
