/* Prints the keys and commands of the viewer as seep-view(1) has them, or with the word "screens" its
 * screens, from the tables that the viewer itself obeys. keys_documented.sh compares. A screen whose
 * key is not bound, or does something else, is told. */
#include <stdio.h>
#include <string.h>

#include "tui/app.h"
#include "tui/key_bindings.h"
#include "tui/view.h"

/* In mdoc a lone punctuation mark, and a backslash, must be told from markup. */
static void print_word(const char *word)
{
    if (strcmp(word, "\\") == 0)
        fputs("\\e", stdout);
    else if (strlen(word) == 1 && strchr(".,:;()[]?!|'", word[0]))
        printf("\\&%s", word);
    else if (strcmp(word, "-") == 0)
        fputs("\\-", stdout);
    else
        fputs(word, stdout);
}

static void print_keys(const struct key_binding *binding)
{
    char name[INPUT_KEY_NAME_BYTES];
    fputs(".It Ic ", stdout);
    for (size_t i = 0; i < KEY_BINDING_MAX_KEYS && binding->keys[i]; i++) {
        if (i)
            fputs(binding->is_range ? " No to Ic " : " , ", stdout);
        print_word(input_key_name(binding->keys[i], name));
    }
    putchar('\n');
}

static void print_sentence(const char *start, const char *text)
{
    fputs(start, stdout);
    for (; *text; text++)
        if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
    putchar('\n');
}

static void print_commands(void)
{
    const struct command_info *command;
    puts(".Pp\nAfter\n.Ic \\&:\n.Pp\n.Bl -tag -width \"save-display FILE\" -compact");
    for (size_t i = 0; (command = command_info_at(i)); i++) {
        printf(".It Ic %s", command->name);
        if (*command->argument)
            printf(" Ar %s", command->argument);
        putchar('\n');
        print_sentence("", command->help);
    }
    puts(".El");
}

static int print_screens(void)
{
    const struct view_ops *screen;
    int status = 0;
    puts(".Bl -tag -width \"A categories\" -compact");
    for (size_t i = 0; (screen = view_ops_at(i))->digit; i++) {
        bool is_bound = key_binding_action((uint32_t)screen->digit, SCOPE_ANY) == ACTION_SCREEN;
        printf(".It Ic %c Cm %s\n", screen->digit, screen->name);
        print_sentence("", screen->help ? screen->help : "");
        if (screen->help && is_bound)
            continue;
        fprintf(stderr, "screen %s: %s\n", screen->name,
                is_bound ? "it has no help" : "its key leads elsewhere (key_bindings.c)");
        status = 1;
    }
    puts(".El");
    return status;
}

int main(int count, char **words)
{
    const struct key_binding *binding;
    if (count > 1 && strcmp(words[1], "screens") == 0)
        return print_screens();
    puts(".Bl -tag -width \"PgUp, C-u, C-b\" -compact");
    for (size_t i = 0; (binding = key_binding_at(i)); i++) {
        const char *start = binding->scopes == SCOPE_TREE                   ? "In the tree: "
                            : binding->scopes == SCOPE_FLAME                ? "In the flame graph: "
                            : binding->scopes == (SCOPE_TREE | SCOPE_FLAME) ? "In both of these: "
                            : binding->scopes == SCOPE_GRAPH                ? "In the graph: "
                            : binding->scopes == SCOPE_HOLDERS              ? "Among types: "
                            : binding->scopes == SCOPE_FOLDS                ? "Of Python: "
                            : binding->scopes == SCOPE_LEAKS                ? "Of leaks: "
                            : binding->scopes == SCOPE_ALL_TREES            ? "In trees: "
                            : binding->scopes == SCOPE_MENU                 ? "In a menu: "
                                                                            : "";
        print_keys(binding);
        print_sentence(start, binding->help);
    }
    puts(".El");
    print_commands();
    return 0;
}
