/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's C compiler: the engine's HLS C -> a shared library, kept in the folder of compiled
 * kernels under a hash of everything that it depends on. A library that cannot be loaded means that
 * it is not there. Must not know about: descriptors, requests. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include "compiler/base/file.h"
#include "runtime/backends/engine/compiler.h"

enum { MAX_WORDS = 128, LOG_BYTES = 2000, LOG_LINES = 10, FORMAT = 1, PATH_BYTES = 4096 };
enum { CANNOT_START = 127 }; /* what shells exit with, too */
/* What makes a library of C99 that any code can load. */
static const char *const fixed_options = "-O2 -fPIC -shared";

/* ---- the command ---- */

typedef struct command {
    char *text; /* words point into it */
    char *words[MAX_WORDS + 1];
    size_t count;
} command;

static const char *compiler_text(void)
{
    const char *named = getenv("CC");
    return named == NULL || named[strspn(named, " \t")] == '\0' ? "cc" : named;
}

static const char *extra_options(void)
{
    const char *options = getenv("WEFT_HLS_CFLAGS");
    return options == NULL ? "" : options;
}

/* Words between blanks; no quoting. */
static bool command_init(command *made, const char *options)
{
    const char *parts[] = {compiler_text(), fixed_options, options, extra_options()};
    size_t bytes = 1;
    *made = (command){0};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        bytes += strlen(parts[i]) + 1;
    made->text = calloc(1, bytes);
    if (made->text == NULL)
        return false;
    int written =
        snprintf(made->text, bytes, "%s %s %s %s", parts[0], parts[1], parts[2], parts[3]);
    WEFT_ASSERT(written >= 0 && (size_t)written < bytes);
    char *rest = NULL;
    for (char *word = strtok_r(made->text, " \t\n", &rest); word != NULL && made->count < MAX_WORDS;
         word = strtok_r(NULL, " \t\n", &rest))
        made->words[made->count++] = word;
    return made->count > 0 && made->count + 4 <= MAX_WORDS;
}

static void command_finish(command *made)
{
    free(made->text);
}

/* The program that a command's first word names, looked for in PATH as a shell does. */
static bool find_program(const char *name, char *out_path, size_t capacity)
{
    const char *path = getenv("PATH");
    int length = (int)strcspn(name, " \t");
    if (memchr(name, '/', (size_t)length) != NULL) {
        snprintf(out_path, capacity, "%.*s", length, name);
        return access(out_path, X_OK) == 0;
    }
    for (; path != NULL && *path != '\0'; path += strspn(path, ":")) {
        int folder = (int)strcspn(path, ":");
        snprintf(out_path, capacity, "%.*s/%.*s", folder, path, length, name);
        if (access(out_path, X_OK) == 0)
            return true;
        path += folder;
    }
    return false;
}

const char *weft__engine_compiler_why_not(void)
{
    char path[PATH_BYTES];
    const char *name = compiler_text();
    return find_program(name + strspn(name, " \t"), path, sizeof path)
               ? NULL
               : "no C compiler: neither $CC nor cc is a program in PATH; on Debian install gcc";
}

/* ---- files ---- */

static char *join(const char *folder, const char *name, const char *ending)
{
    size_t bytes = strlen(folder) + strlen(name) + strlen(ending) + 2;
    char *path = malloc(bytes);
    if (path != NULL)
        snprintf(path, bytes, "%s/%s%s", folder, name, ending);
    return path;
}

static char *temporary_folder(void)
{
    const char *parent = getenv("TMPDIR");
    char *folder = join(parent == NULL || parent[0] == '\0' ? "/tmp" : parent, "weft-XXXXXX", "");
    if (folder != NULL && mkdtemp(folder) != NULL)
        return folder;
    free(folder);
    return NULL;
}

static bool write_file(const char *path, const void *bytes, size_t size)
{
    weft_file_writer *writer = NULL;
    if (weft_file_writer_open(path, &writer, NULL) != WEFT_OK)
        return false;
    weft_file_writer_add(writer, bytes, size);
    return weft_file_writer_commit(writer, NULL) == WEFT_OK;
}

static bool copy_file(const char *from, const char *to)
{
    weft_file_map map;
    if (weft_file_map_open(from, &map, NULL) != WEFT_OK)
        return false;
    bool is_copied = write_file(to, map.data, map.size_bytes);
    weft_file_map_close(&map);
    return is_copied;
}

/* The first lines of what the compiler said. */
static void read_log(const char *path, char out[LOG_BYTES])
{
    FILE *file = fopen(path, "r");
    size_t length = file == NULL ? 0 : fread(out, 1, LOG_BYTES - 1, file);
    out[length] = '\0';
    if (file != NULL)
        fclose(file);
    int lines = 0;
    for (char *c = out; *c != '\0'; c++)
        if (*c == '\n' && ++lines == LOG_LINES)
            *c = '\0';
}

/* ---- compiling ---- */

static weft_status no_compiler(const command *made, weft_diag *diag)
{
    weft_status status = weft_diag_error(diag, WEFT_E_HLS_COMPILER,
                                         "the C compiler %s cannot be started", made->words[0]);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "install a C compiler (Debian: apt-get install gcc), set CC to one, or use "
                        "backend engine-opencl");
    return status;
}

static weft_status build_failed(const char *why, const char *source, const command *made,
                                weft_diag *diag)
{
    weft_status status = weft_diag_error(diag, WEFT_E_HLS_BUILD,
                                         "the engine's HLS C could not be compiled and loaded");
    char text[1024] = "";
    for (size_t i = 0; made != NULL && i < made->count; i++) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "%s%s", i == 0 ? "" : " ", made->words[i]);
    }
    weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", source);
    if (text[0] != '\0')
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", text);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
    return status;
}

/* Runs the program with its output in the file `log`; only what is safe after a fork of a process
 * with threads happens before it starts. The exit status; negative when there is none. */
static int run(const char *program, char *const *words, const char *log)
{
    pid_t child = fork();
    if (child < 0)
        return -1;
    if (child == 0) {
        int file = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (file >= 0 && dup2(file, STDOUT_FILENO) >= 0 && dup2(file, STDERR_FILENO) >= 0)
            execv(program, words);
        _exit(CANNOT_START);
    }
    int state = 0;
    pid_t waited;
    do
        waited = waitpid(child, &state, 0);
    while (waited < 0 && errno == EINTR);
    return waited == child && WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static weft_status compile(const weft_program *program, char *source, char *library,
                           const char *log, weft_diag *diag)
{
    command made;
    char output[] = "-o", found[PATH_BYTES];
    if (!command_init(&made, program->options)) {
        command_finish(&made);
        return build_failed("the command does not fit", source, NULL, diag);
    }
    made.words[made.count++] = output;
    made.words[made.count++] = library;
    made.words[made.count++] = source;
    int code = find_program(made.words[0], found, sizeof found) ? run(found, made.words, log)
                                                                : CANNOT_START;
    weft_status status = WEFT_OK;
    if (code == CANNOT_START) {
        status = no_compiler(&made, diag);
    } else if (code != 0) {
        char why[LOG_BYTES];
        read_log(log, why);
        status = build_failed(why[0] == '\0' ? "the compiler failed without a word" : why, source,
                              &made, diag);
    }
    command_finish(&made);
    return status;
}

/* ---- loading ---- */

/* False when there is no such file or it is not such a library; out_why then says why. */
static bool load(const char *path, const weft_program *program, engine_library *out, char *out_why,
                 size_t capacity)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library == NULL ? NULL : dlsym(library, program->kernels[0]);
    if (symbol == NULL) {
        const char *why = dlerror();
        snprintf(out_why, capacity, "%s", why == NULL ? "the library has no such function" : why);
        if (library != NULL)
            dlclose(library);
        return false;
    }
    out->library = library;
    _Static_assert(sizeof out->function == sizeof symbol, "POSIX: a function is a pointer");
    memcpy(&out->function, &symbol, sizeof symbol);
    return true;
}

static uint64_t key_of(const weft_program *program)
{
    const char *parts[] = {program->source, program->options, program->kernels[0],
                           fixed_options,   compiler_text(),  extra_options()};
    uint64_t key = FORMAT;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        key = XXH3_64bits_withSeed(parts[i], strlen(parts[i]) + 1, key);
    return key;
}

typedef struct build_paths {
    char *folder, *source, *kept_source, *built, *kept, *log;
} build_paths;

static bool build_paths_init(build_paths *paths, const char *cache_dir, uint64_t key)
{
    char name[48];
    snprintf(name, sizeof name, "engine_%016" PRIx64, key);
    *paths = (build_paths){.folder = temporary_folder()};
    if (paths->folder == NULL)
        return false;
    paths->source = join(paths->folder, name, ".c");
    paths->built = join(paths->folder, name, ".so");
    paths->log = join(paths->folder, name, ".log");
    if (cache_dir != NULL) {
        paths->kept_source = join(cache_dir, name, ".c");
        paths->kept = join(cache_dir, name, ".so");
    }
    return paths->source != NULL && paths->built != NULL && paths->log != NULL;
}

static void build_paths_finish(build_paths *paths)
{
    char *files[] = {paths->source, paths->built, paths->log};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i] != NULL)
            unlink(files[i]);
        free(files[i]);
    }
    if (paths->folder != NULL)
        rmdir(paths->folder);
    free(paths->folder);
    free(paths->kept_source);
    free(paths->kept);
}

static weft_status build(const weft_program *program, const build_paths *paths, weft_diag *diag,
                         engine_library *out)
{
    size_t size = strlen(program->source);
    /* Debuggers and sanitizers name the source: the kept one when there is one. */
    bool is_kept =
        paths->kept_source != NULL && write_file(paths->kept_source, program->source, size);
    char *source = is_kept ? paths->kept_source : paths->source;
    if (!is_kept && !write_file(source, program->source, size))
        return build_failed("the source cannot be written", source, NULL, diag);
    weft_status status = compile(program, source, paths->built, paths->log, diag);
    if (status != WEFT_OK)
        return status;
    char why[LOG_BYTES];
    if ((paths->kept != NULL && copy_file(paths->built, paths->kept) &&
         load(paths->kept, program, out, why, sizeof why)) ||
        load(paths->built, program, out, why, sizeof why))
        return WEFT_OK;
    return build_failed(why, source, NULL, diag);
}

weft_status weft__engine_library_open(const weft_program *program, const char *cache_dir,
                                      weft_diag *diag, engine_library *out_library)
{
    *out_library = (engine_library){0};
    build_paths paths;
    char why[LOG_BYTES];
    if (!build_paths_init(&paths, cache_dir, key_of(program))) {
        build_paths_finish(&paths);
        return build_failed("no folder for temporary files (TMPDIR, or /tmp)", program->name, NULL,
                            diag);
    }
    weft_status status = WEFT_OK;
    if (paths.kept != NULL && access(paths.kept, R_OK) == 0 &&
        load(paths.kept, program, out_library, why, sizeof why)) {
        out_library->is_from_cache = true;
    } else {
        if (cache_dir != NULL)
            weft_file_make_folders(cache_dir);
        status = build(program, &paths, diag, out_library);
    }
    build_paths_finish(&paths);
    return status;
}

const char *weft__engine_compiler_name(weft_arena *arena)
{
    const char *text = compiler_text();
    return weft_arena_strdup(arena, text + strspn(text, " \t"));
}

static weft_status read_library(const build_paths *paths, weft_diag *diag, uint8_t **out_library,
                                size_t *out_bytes)
{
    weft_file_map map;
    weft_status status = weft_file_map_open(paths->built, &map, diag);
    if (status != WEFT_OK)
        return status;
    *out_library = malloc(map.size_bytes + 1);
    if (*out_library != NULL) {
        *out_bytes = map.size_bytes;
        memcpy(*out_library, map.data, map.size_bytes);
    } else {
        status = weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory for %zu bytes of library",
                                 map.size_bytes);
    }
    weft_file_map_close(&map);
    return status;
}

weft_status weft__engine_library_compile(const weft_program *program, weft_diag *diag,
                                         uint8_t **out_library, size_t *out_bytes)
{
    build_paths paths;
    *out_library = NULL;
    *out_bytes = 0;
    weft_status status = WEFT_OK;
    if (!build_paths_init(&paths, NULL, key_of(program)))
        status = build_failed("no folder for temporary files (TMPDIR, or /tmp)", program->name,
                              NULL, diag);
    else if (!write_file(paths.source, program->source, strlen(program->source)))
        status = build_failed("the source cannot be written", paths.source, NULL, diag);
    else
        status = compile(program, paths.source, paths.built, paths.log, diag);
    if (status == WEFT_OK)
        status = read_library(&paths, diag, out_library, out_bytes);
    build_paths_finish(&paths);
    return status;
}

void weft__engine_library_close(engine_library *library)
{
    if (library->library != NULL)
        dlclose(library->library);
}
