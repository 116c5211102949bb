/* SPDX-License-Identifier: Apache-2.0 */
/* See next.h. */
#include "cli/next.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/name.h"

/* "COMMAND WORD", the word as a shell reads it: quoted when it is not plain. */
static void put(const char *command, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-+=./:,@%";
    char name[WEFT_CLI_NAME_TEXT];
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        fprintf(stderr, "%s %s", command, word);
        return;
    }
    fprintf(stderr, "%s '", command);
    for (const char *at = weft_cli_format_name(word, name); *at != '\0'; at++)
        fprintf(stderr, *at == '\'' ? "'\\''" : "%c", *at);
    fputc('\'', stderr);
}

void weft_cli_next_after_compile(const char *path, const weft_package *package)
{
    weft_schedule_info info;
    weft_package_card card;
    weft_package_get_schedule(package, 0, &info);
    put("next: weft verify", path);
    put(", weft profile", path);
    put(", weft run", path);
    for (size_t i = 0; i < info.input_count; i++) {
        weft_tensor_info tensor;
        weft_package_get_input(package, 0, i, &tensor);
        char *binding = weft_cli_printf("%s=random", tensor.name);
        put(" --input", binding);
        free(binding);
    }
    fputc('\n', stderr);
    weft_package_get_card(package, &card);
    if (card.board == NULL)
        return;
    put("for the card: weft build", path);
    put("; without Vitis and card: weft build", path);
    fputs(" --target softcard\n", stderr);
}

void weft_cli_next_after_softcard_build(const char *path)
{
    put("next: weft softcard -- weft verify", path);
    fputs(" --backend xrt\n", stderr);
}
