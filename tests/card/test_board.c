/* SPDX-License-Identifier: Apache-2.0 */
/* Boards: every one that is built in is read and is what it says it is; files with mistakes are
 * refused with all of them named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compiler/card/board_internal.h"
#include "compiler/codegen/embedded.h"

static char *text_of(const char *name)
{
    char file_name[64];
    snprintf(file_name, sizeof file_name, "%s.json", name);
    for (const weft_embedded_file *file = weft_board_files; file->name != NULL; file++)
        if (strcmp(file->name, file_name) == 0)
            return strdup(file->text);
    fail_msg("%s is not built in", name);
    return NULL;
}

static void all_boards_are_read(void **state)
{
    (void)state;
    size_t count = 0, files = 0;
    for (; weft_board_names[count] != NULL; count++) {
        weft_arena *arena = weft_arena_create();
        weft_diag *diag;
        const weft_board *board = NULL;
        assert_int_equal(weft_diag_create(&diag), WEFT_OK);
        weft_status status = weft_board_open(arena, weft_board_names[count], &board, diag);
        for (size_t i = 0; i < weft_diag_count(diag); i++)
            print_message("%s\n", weft_diag_get(diag, i)->summary);
        assert_int_equal(status, WEFT_OK);
        assert_string_equal(board->name, weft_board_names[count]);
        assert_true(count == 0 || strcmp(weft_board_names[count - 1], weft_board_names[count]) < 0);
        assert_true(board->slr_count >= 1 && board->memory_count >= 1);
        weft_diag_destroy(diag);
        weft_arena_destroy(arena);
    }
    for (const weft_embedded_file *file = weft_board_files; file->name != NULL; file++)
        files++;
    assert_int_equal(files, count);
}

static void figures_are_those_of_the_file(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    const weft_board *board = NULL;
    assert_int_equal(weft_board_open(arena, "u280", &board, NULL), WEFT_OK);
    assert_string_equal(board->part, "xcu280-fsvh2892-2L-e");
    assert_int_equal(board->slr_count, 3);
    assert_int_equal(board->slrs[0].dsp, 2736);
    assert_int_equal(board->slrs[2].uram, 320);
    assert_int_equal(board->total.bram36, 2016);
    assert_int_equal(board->dsp_bits[0], 27);
    assert_int_equal(board->dsp_bits[1], 18);
    assert_int_equal(board->memory_count, 2);
    assert_int_equal(board->memories[0].banks, 32);
    assert_int_equal(board->memories[0].slr[31], 0);
    assert_true(board->memories[0].bank_gbytes == 14.375);
    assert_string_equal(board->memories[1].tag, "DDR");
    assert_int_equal(board->memories[1].slr[1], 1);
    assert_int_equal(board->memories[1].bank_bytes, INT64_C(16) << 30);
    assert_true(board->clock_mhz == 300);
    assert_int_equal(board->platform_count, 2);
    assert_string_equal(board->platforms[0].first_tool, "2022.1");
    assert_null(board->why_no_platform);
    assert_true(board->limit_lut == 0.7 && board->limit_ff == 0.5 && board->limit_dsp == 0.8);
    assert_int_equal(weft_board_open(arena, "v80", &board, NULL), WEFT_OK);
    assert_int_equal(board->platform_count, 0);
    assert_non_null(board->why_no_platform);
    weft_arena_destroy(arena);
}

static char *edited(const char *text, const char *find, const char *replace)
{
    const char *at = strstr(text, find);
    if (at == NULL)
        fail_msg("the board has no %s", find);
    size_t bytes = strlen(text) + strlen(replace) + 1;
    char *made = malloc(bytes);
    snprintf(made, bytes, "%.*s%s%s", (int)(at - text), text, replace, at + strlen(find));
    return made;
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *find, *replace;
        uint32_t id;
        const char *says, *field; /* in the summary; in any field, NULL: not looked at */
    } edits[] = {
        {"{", "[", WEFT_E_BOARD_SYNTAX, "not valid JSON", "line"},
        {"\"name\": \"u280\"", "\"name\": \"u280\", \"name\": \"x\"", WEFT_E_BOARD_SYNTAX, "JSON",
         NULL},
        {"weft.board/1", "weft.board/2", WEFT_E_BOARD_MEMBER, "schema", "weft.board/1"},
        {"\"name\": \"u280\",", "", WEFT_E_BOARD_MEMBER, "name: is missing", "a text"},
        {"\"name\": \"u280\"", "\"name\": \"\"", WEFT_E_BOARD_MEMBER, "name", "a text"},
        {"\"title\"", "\"titel\"", WEFT_E_BOARD_UNKNOWN, "titel: is not known", "\"title\""},
        {"\"dsp\": 2736", "\"dsp\": -1", WEFT_E_BOARD_MEMBER, "slrs[0].dsp", "-1"},
        {"\"dsp\": 2736", "\"dsp\": 2736.5", WEFT_E_BOARD_MEMBER, "slrs[0].dsp", "2736.5"},
        {"\"dsp\": 2736", "\"dsp\": 9223372036854775807", WEFT_E_BOARD_MEMBER, "slrs[0].dsp", NULL},
        {"\"dsp\": 2736", "\"dsp\": \"many\"", WEFT_E_BOARD_MEMBER, "slrs[0].dsp", "a text"},
        {"\"dsp\": 2736", "\"dsp\": 9000", WEFT_E_BOARD_RULE, "slrs: together", NULL},
        {"[27, 18]", "[27]", WEFT_E_BOARD_MEMBER, "dsp.multiplier", "2 to 2"},
        {"[27, 18]", "[27, \"x\"]", WEFT_E_BOARD_MEMBER, "dsp.multiplier", "8 to 64"},
        {"\"banks\": 32", "\"banks\": 65", WEFT_E_BOARD_MEMBER, "memories[0].banks", "1 to 64"},
        {"\"banks\": 32", "\"banks\": 0", WEFT_E_BOARD_MEMBER, "memories[0].banks", "1 to 64"},
        {"\"slr\": 0", "\"slr\": 3", WEFT_E_BOARD_RULE, "memories: \"slr\"", NULL},
        {"\"slr\": 0", "\"slr\": 8", WEFT_E_BOARD_MEMBER, "memories[0].slr", "0 to 7"},
        {"\"slr\": [0, 1]", "\"slr\": [0]", WEFT_E_BOARD_MEMBER, "memories[1].slr", "a list"},
        {"\"efficiency\": 0.85", "\"efficiency\": 1.5", WEFT_E_BOARD_MEMBER, "efficiency", "1.5"},
        {"\"tag\": \"DDR\"", "\"tag\": \"HBM\"", WEFT_E_BOARD_RULE, "same tag", NULL},
        {"\"tag\": \"DDR\"", "\"tag\": \"DDR; rm\"", WEFT_E_BOARD_MEMBER, "memories[1].tag", NULL},
        {"\"first_tool\": \"2022.1\"", "\"first_tool\": \"new\"", WEFT_E_BOARD_MEMBER,
         "platforms[0].first_tool", "2022.1"},
        {"\"first_tool\": \"2022.1\"", "\"first_tool\": \"2025.2\"", WEFT_E_BOARD_RULE,
         "newer than", NULL},
        {"\"limits\"", "\"why_no_platform\": \"none\", \"limits\"", WEFT_E_BOARD_RULE,
         "why_no_platform", NULL},
        {"\"source\": \"V UG579, UG974: DSP48E2\"", "\"source\": \"UG579\"", WEFT_E_BOARD_SOURCE,
         "dsp.source", "V, A, S, C or M"},
        {"\"multiplier\": [27, 18],\n    \"source\": \"V UG579, UG974: DSP48E2\"",
         "\"multiplier\": [27, 18]", WEFT_E_BOARD_SOURCE, "dsp.source: is missing", NULL},
        {"\"ff\": \"M two per LUT\",", "", WEFT_E_BOARD_SOURCE, "total.ff: has no source", NULL},
        {"\"ff\": \"M two per LUT\",", "\"ff\": \"M two\", \"fff\": \"M x\",", WEFT_E_BOARD_UNKNOWN,
         "\"fff\"", NULL},
    };
    char *good = text_of("u280");
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        weft_arena *arena = weft_arena_create();
        weft_diag *diag;
        const weft_board *board = NULL;
        char *bad = edited(good, edits[i].find, edits[i].replace);
        bool is_named = false;
        assert_int_equal(weft_diag_create(&diag), WEFT_OK);
        assert_int_not_equal(weft__board_read(arena, "t", bad, strlen(bad), &board, diag), WEFT_OK);
        assert_null(board);
        for (size_t k = 0; k < weft_diag_count(diag); k++) {
            const weft_diag_entry *entry = weft_diag_get(diag, k);
            bool is_field = edits[i].field == NULL;
            for (int f = 0; f < WEFT_DIAG_FIELD_COUNT; f++)
                is_field = is_field || (entry->fields[f] != NULL &&
                                        strstr(entry->fields[f], edits[i].field) != NULL);
            is_named = is_named || (entry->id == edits[i].id && is_field &&
                                    strstr(entry->summary, edits[i].says) != NULL);
        }
        if (!is_named)
            fail_msg("%s -> %s: not told; first: %s", edits[i].find, edits[i].replace,
                     weft_diag_get(diag, 0)->summary);
        free(bad);
        weft_diag_destroy(diag);
        weft_arena_destroy(arena);
    }
    free(good);
}

static void all_problems_are_told(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    weft_diag *diag;
    const weft_board *board = NULL;
    char *good = text_of("u50"), *one = edited(good, "\"dsp\": 2592", "\"dsp\": -5"),
         *two = edited(one, "\"uram\": 304", "\"urams\": 304"),
         *three = edited(two, "\"mhz\": 300", "\"mhz\": \"fast\"");
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(weft__board_read(arena, "t", three, strlen(three), &board, diag),
                     WEFT_INVALID);
    /* dsp, uram missing, urams unknown, mhz */
    assert_int_equal(weft_diag_error_count(diag), 4);
    free(good), free(one), free(two), free(three);
    weft_diag_destroy(diag);
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(weft__board_read(arena, "t", "{}", 2, &board, diag), WEFT_INVALID);
    assert_true(weft_diag_error_count(diag) > 10);
    weft_diag_destroy(diag);
    weft_arena_destroy(arena);
}

static void names_and_files_are_told_apart(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    weft_diag *diag;
    const weft_board *board = NULL;
    char path[] = "/tmp/weft_board_XXXXXX";
    int fd = mkstemp(path);
    char *text = text_of("u50"), *mine = edited(text, "\"name\": \"u50\"", "\"name\": \"mine\"");
    assert_true(fd >= 0 && write(fd, mine, strlen(mine)) == (ssize_t)strlen(mine));
    close(fd);
    assert_int_equal(weft_board_open(arena, path, &board, NULL), WEFT_OK);
    assert_string_equal(board->name, "mine");
    unlink(path);
    free(text), free(mine);
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(weft_board_open(arena, "u205", &board, diag), WEFT_USAGE);
    assert_int_equal(weft_diag_get(diag, 0)->id, WEFT_E_BOARD_NAME);
    assert_non_null(strstr(weft_diag_get(diag, 0)->fields[WEFT_DIAG_EXPECTED], "u280"));
    assert_int_equal(weft_board_open(arena, "/nonexistent/b.json", &board, diag), WEFT_IO);
    assert_int_equal(weft_board_open(arena, "/tmp/", &board, diag), WEFT_IO);
    assert_null(board);
    weft_diag_destroy(diag);
    weft_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_boards_are_read),
        cmocka_unit_test(figures_are_those_of_the_file),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(all_problems_are_told),
        cmocka_unit_test(names_and_files_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
