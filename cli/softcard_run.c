/* SPDX-License-Identifier: Apache-2.0 */
/* See softcard_run.h. */
#include "cli/softcard_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SHELL_SIGNAL = 128, NOT_FOUND = 127, NOT_EXECUTABLE = 126, GRACE_NS = 300000000 };

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { PASSED_ON = sizeof passed_on / sizeof passed_on[0] };

static volatile sig_atomic_t command_group; /* 0: not started */
static volatile sig_atomic_t last_passed;

static void pass_on(int number)
{
    int saved = errno;
    last_passed = number;
    if (command_group > 0)
        kill(-(pid_t)command_group, number);
    errno = saved;
}

/* A pipe that commands do not inherit. */
static bool make_pipe(int ends[2])
{
    if (pipe(ends) != 0)
        return false;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return true;
}

/* False at the end of the pipe. */
static bool read_number(int from, int *out)
{
    ssize_t got;
    do
        got = read(from, out, sizeof *out);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof *out;
}

static void write_number(int to, int number)
{
    while (write(to, &number, sizeof number) < 0 && errno == EINTR) {
    }
}

/* ---- the keeper: sees by the end of its pipe that this program is gone ---- */

/* The pipe says the command's group when it starts, and 0 when all is well and over. */
static void keep_watch(int from, weft_softcard *softcard, bool is_kept)
{
    int group = 0, number = 0;
    setsid();
    while (read_number(from, &number)) {
        if (number == 0)
            _exit(0);
        group = number;
    }
    if (group > 0 && kill(-group, SIGTERM) == 0) {
        nanosleep(&(struct timespec){0, GRACE_NS}, NULL);
        kill(-group, SIGKILL);
    }
    if (!is_kept)
        weft_softcard_destroy(softcard);
    _exit(0);
}

static pid_t start_keeper(int ends[2], const int failure[2], weft_softcard *softcard, bool is_kept)
{
    pid_t keeper = fork();
    if (keeper != 0)
        return keeper;
    for (size_t i = 0; i < PASSED_ON; i++)
        signal(passed_on[i], SIG_IGN);
    /* A caller that reads what the command prints must not wait for the keeper. */
    int none = open("/dev/null", O_RDWR);
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++)
        dup2(none, file);
    close(ends[1]);
    close(failure[0]);
    close(failure[1]);
    keep_watch(ends[0], softcard, is_kept);
    return 0;
}

/* ---- the command ---- */

/* Between fork and exec a signal would be taken by this program's handler in the command's process,
 * and be lost. */
static void hold_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < PASSED_ON; i++)
        sigaddset(&set, passed_on[i]);
    sigprocmask(how, &set, NULL);
}

static void become_command(const weft_softcard *softcard, const char *const *command, int keeper,
                           int failure)
{
    const char *name, *value;
    setpgid(0, 0);
    write_number(keeper, (int)getpid());
    for (size_t i = 0; weft_softcard_variable(softcard, i, &name, &value); i++)
        setenv(name, value, 1);
    signal(SIGXFSZ, SIG_DFL);
    for (size_t i = 0; i < PASSED_ON; i++) {
        struct sigaction now;
        sigaction(passed_on[i], NULL, &now);
        if (now.sa_handler == pass_on)
            signal(passed_on[i], SIG_DFL);
    }
    hold_signals(SIG_UNBLOCK);
    execvp(command[0], (char *const *)(uintptr_t)command);
    write_number(failure, errno);
    _exit(NOT_FOUND);
}

/* Whether the terminal's keys are this program's to give away. */
static bool owns_terminal(void)
{
    return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void give_terminal(bool is_owned, pid_t group)
{
    if (is_owned)
        tcsetpgrp(STDIN_FILENO, group);
}

/* Waits for the end without taking it, so that the group's number stays ours. A command that stops
 * (Ctrl-Z) stops this program with it. */
static void wait_for_end(pid_t command, bool is_owned)
{
    siginfo_t info = {0};
    for (;;) {
        if (waitid(P_PID, (id_t)command, &info, WEXITED | WSTOPPED | WNOWAIT) != 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if (info.si_code != CLD_STOPPED)
            return;
        waitid(P_PID, (id_t)command, &info, WSTOPPED);
        give_terminal(is_owned, getpgrp());
        raise(SIGSTOP);
        give_terminal(is_owned, command);
        kill(-command, SIGCONT);
    }
}

static weft_cli_softcard_end take_end(pid_t command)
{
    int state = 0;
    weft_cli_softcard_end end = {0};
    kill(-command, SIGKILL); /* what the command left behind, devices included */
    while (waitpid(command, &state, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(state)) {
        end.signal = WTERMSIG(state);
        end.is_from_us = end.signal == last_passed;
    }
    end.exit_code = WIFEXITED(state) ? WEXITSTATUS(state) : SHELL_SIGNAL + end.signal;
    return end;
}

static weft_cli_softcard_end run_command(weft_softcard *softcard, const char *const *command,
                                         int keeper, int failure[2])
{
    bool is_owned = owns_terminal();
    hold_signals(SIG_BLOCK);
    pid_t child = fork();
    if (child < 0) {
        int error = errno;
        hold_signals(SIG_UNBLOCK);
        return (weft_cli_softcard_end){.exit_code = NOT_EXECUTABLE, .error = error};
    }
    if (child == 0)
        become_command(softcard, command, keeper, failure[1]);
    setpgid(child, child);
    command_group = child;
    void (*before)(int) = signal(SIGTTOU, SIG_IGN);
    give_terminal(is_owned, child);
    if (last_passed != 0)
        kill(-child, last_passed); /* it came before there was a group */
    hold_signals(SIG_UNBLOCK);
    close(failure[1]);
    int error = 0;
    if (!read_number(failure[0], &error))
        error = 0;
    wait_for_end(child, is_owned);
    weft_cli_softcard_end end = take_end(child);
    command_group = 0;
    give_terminal(is_owned, getpgrp());
    signal(SIGTTOU, before);
    if (error != 0)
        end = (weft_cli_softcard_end){.exit_code = error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE,
                                      .error = error};
    return end;
}

void weft_cli_softcard_catch(void)
{
    struct sigaction ours = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    sigemptyset(&ours.sa_mask);
    for (size_t i = 0; i < PASSED_ON; i++) {
        struct sigaction before;
        sigaction(passed_on[i], NULL, &before);
        if (before.sa_handler != SIG_IGN) /* nohup stays nohup */
            sigaction(passed_on[i], &ours, NULL);
    }
}

weft_cli_softcard_end weft_cli_softcard_run(weft_softcard *softcard, const char *const *command,
                                            bool is_kept)
{
    int watch[2], failure[2];
    weft_cli_softcard_end end = {.exit_code = NOT_EXECUTABLE};
    if (last_passed != 0)
        return (weft_cli_softcard_end){
            .exit_code = SHELL_SIGNAL + last_passed, .signal = last_passed, .is_from_us = true};
    if (!make_pipe(watch)) {
        end.error = errno;
        return end;
    }
    if (!make_pipe(failure)) {
        end.error = errno;
        close(watch[0]);
        close(watch[1]);
        return end;
    }
    pid_t keeper = start_keeper(watch, failure, softcard, is_kept);
    close(watch[0]);
    if (keeper < 0)
        end.error = errno;
    else
        end = run_command(softcard, command, watch[1], failure);
    write_number(watch[1], 0);
    close(watch[1]);
    close(failure[0]);
    while (keeper > 0 && waitpid(keeper, NULL, 0) < 0 && errno == EINTR) {
    }
    return end;
}
