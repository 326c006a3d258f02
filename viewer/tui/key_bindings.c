#include "tui/key_bindings.h"

/* The order is that of the help screen; the footer takes those with a label as long as there is
 * room, so what matters most in a view stands first. */
/* clang-format off */
static const struct key_binding bindings[] = {
    {.action = ACTION_EARLIER, .keys = {INPUT_LEFT, '['}, .scopes = SCOPE_TIME,
     .help = "the timeline's cursor: earlier"},
    {.action = ACTION_LATER, .keys = {INPUT_RIGHT, ']'}, .scopes = SCOPE_TIME,
     .help = "later"},
    {.action = ACTION_OPEN, .keys = {INPUT_ENTER, INPUT_RIGHT, 'l'}, .scopes = SCOPE_OPENS,
     .label = "Open", .help = "open what is selected"},
    {.action = ACTION_PAUSE, .keys = {' '}, .scopes = SCOPE_LIVE,
     .label = "Pause", .help = "of a program that runs: stand still, or go on"},
    {.action = ACTION_SET_MARK, .keys = {'m'}, .scopes = SCOPE_LIVE,
     .label = "Mark", .help = "of a program that runs: growth counts from now on"},
    {.action = ACTION_SNAPSHOT, .keys = {'c'}, .scopes = SCOPE_LIVE,
     .label = "Snapshot", .help = "of a program that runs: have one taken, for leaks and graph"},
    {.action = ACTION_OPEN, .keys = {INPUT_ENTER}, .scopes = SCOPE_MENU,
     .label = "Choose", .help = "choose this"},
    {.action = ACTION_OPEN, .keys = {INPUT_ENTER}, .scopes = SCOPE_TREE,
     .label = "Open/Close", .help = "open or close the branch; at its end: the source"},
    {.action = ACTION_OPEN, .keys = {INPUT_ENTER}, .scopes = SCOPE_GRAPH,
     .label = "Open/Close", .help = "open or close the branch; at its end: its blocks"},
    {.action = ACTION_OPEN, .keys = {INPUT_ENTER}, .scopes = SCOPE_FLAME,
     .label = "Zoom", .help = "the selected cell takes all columns; Backspace: as before"},
    {.action = ACTION_LEFT, .keys = {INPUT_LEFT}, .scopes = SCOPE_FLAME,
     .help = "the cell to the left"},
    {.action = ACTION_RIGHT, .keys = {INPUT_RIGHT, 'l'}, .scopes = SCOPE_FLAME,
     .help = "the cell to the right"},
    {.action = ACTION_LAST, .keys = {INPUT_END, 'G'}, .scopes = SCOPE_FLAME,
     .help = "along the largest cells to the end"},
    {.action = ACTION_OPEN, .keys = {INPUT_ENTER}, .scopes = SCOPE_LEAKS,
     .label = "Open", .help = "open or close a kind; of a leak: its stack, its cycle, where to look"},
    {.action = ACTION_SUPPRESS, .keys = {'S'}, .scopes = SCOPE_LEAKS,
     .label = "Suppress", .help = "write a suppression of the selected leak to a file"},
    {.action = ACTION_OPEN, .keys = {INPUT_ENTER}, .scopes = SCOPE_FOLDS,
     .label = "Open/Close", .help = "open or close the branch"},
    {.action = ACTION_EXPAND, .keys = {'+', INPUT_RIGHT, 'l'},
     .scopes = SCOPE_ALL_TREES, .help = "open the branch"},
    {.action = ACTION_COLLAPSE, .keys = {'-', INPUT_LEFT},
     .scopes = SCOPE_ALL_TREES,
     .help = "close the branch, or go to its parent"},
    {.action = ACTION_EXPAND_ALL, .keys = {'*', 'E'},
     .scopes = SCOPE_ALL_TREES,
     .help = "open everything below the selected row"},
    {.action = ACTION_COLLAPSE_ALL, .keys = {'C'}, .scopes = SCOPE_ALL_TREES,
     .help = "close all branches"},
    {.action = ACTION_DIRECTION, .keys = {'x'}, .scopes = SCOPE_TREE | SCOPE_FLAME,
     .label = "Callers", .help = "turn the tree round: callees or callers"},
    {.action = ACTION_DIRECTION, .keys = {'x'}, .scopes = SCOPE_GRAPH,
     .label = "Held by", .help = "what holds the blocks of the selected row, and back"},
    {.action = ACTION_DIRECTION, .keys = {'x'}, .scopes = SCOPE_HOLDERS,
     .label = "Held by", .help = "what holds the blocks of the selected type, in the graph"},
    {.action = ACTION_BLOCK, .keys = {'v'}, .scopes = SCOPE_GRAPH,
     .label = "Block", .help = "one block: its way from a root, what it is tied to"},
    {.action = ACTION_BLOCKS, .keys = {'a'}, .scopes = SCOPE_GRAPH,
     .label = "All", .help = "all blocks that the selected row stands for"},
    {.action = ACTION_BACK, .keys = {INPUT_ESCAPE, INPUT_BACKSPACE, INPUT_LEFT}, .scopes = SCOPE_ANY,
     .help = "go back; Esc on a screen takes the filter away"},
    {.action = ACTION_SORT, .keys = {'s', INPUT_F1 + 5}, .scopes = SCOPE_SORTS,
     .label = "Sort", .help = "choose the figure to sort by"},
    {.action = ACTION_SORT_PREVIOUS, .keys = {'<'}, .scopes = SCOPE_SORTS,
     .help = "sort by the column to the left"},
    {.action = ACTION_SORT_NEXT, .keys = {'>'}, .scopes = SCOPE_SORTS,
     .help = "sort by the column to the right"},
    {.action = ACTION_INVERT, .keys = {'I'}, .scopes = SCOPE_INVERTS,
     .help = "smallest first, or largest first"},
    {.action = ACTION_INCLUSIVE, .keys = {'i'}, .scopes = SCOPE_INCLUSIVE,
     .label = "Incl", .help = "by rows alone, or with all that they call"},
    {.action = ACTION_GROUP, .keys = {'b'}, .scopes = SCOPE_GROUPS,
     .label = "By", .help = "rows of sites, functions, files, modules, threads"},
    {.action = ACTION_FILTER, .keys = {'\\', INPUT_F1 + 3}, .scopes = SCOPE_FILTERS,
     .label = "Filter", .help = "show only stacks that match (words: see below)"},
    {.action = ACTION_SOURCE, .keys = {'o'}, .scopes = SCOPE_SOURCE,
     .label = "Source", .help = "show the source of the selected frame"},
    {.action = ACTION_EDIT, .keys = {'e'}, .scopes = SCOPE_SOURCE,
     .label = "Edit", .help = "open it in $EDITOR at the line"},
    {.action = ACTION_MARK, .keys = {'m'}, .scopes = SCOPE_TIME,
     .label = "Mark", .help = "look at the cursor's instant; a second one: at what was between them"},
    {.action = ACTION_CLEAR_MARKS, .keys = {'M'}, .scopes = SCOPE_ANY,
     .help = "take all marks away: look at the end"},
    {.action = ACTION_PREVIOUS_INSTANT, .keys = {'{'}, .scopes = SCOPE_TIME,
     .help = "the cursor to the instant with a name before: peak, marks, snapshots"},
    {.action = ACTION_NEXT_INSTANT, .keys = {'}'}, .scopes = SCOPE_TIME,
     .help = "the same to the one behind"},
    {.action = ACTION_INSTANTS, .keys = {'@'}, .scopes = SCOPE_ANY,
     .help = "choose an instant with a name to look at"},
    {.action = ACTION_SEARCH, .keys = {'/', INPUT_F1 + 2}, .scopes = SCOPE_ANY,
     .label = "Find", .help = "search in this view (without capitals: any case)"},
    {.action = ACTION_NEXT_MATCH, .keys = {'n'}, .scopes = SCOPE_ANY, .help = "next match"},
    {.action = ACTION_PREVIOUS_MATCH, .keys = {'N'}, .scopes = SCOPE_ANY, .help = "previous match"},
    {.action = ACTION_TREE, .keys = {'t', INPUT_F1 + 4}, .scopes = SCOPE_SITES,
     .label = "Tree", .help = "show the selected stack in the call tree"},
    {.action = ACTION_PROCESS, .keys = {'p'}, .scopes = SCOPE_ANY,
     .help = "choose the process to look at, or all"},
    {.action = ACTION_UP, .keys = {INPUT_UP, 'k'}, .scopes = SCOPE_ANY, .help = "up"},
    {.action = ACTION_DOWN, .keys = {INPUT_DOWN, 'j'}, .scopes = SCOPE_ANY, .help = "down"},
    {.action = ACTION_PAGE_UP, .keys = {INPUT_PAGE_UP, INPUT_CONTROL('u'), INPUT_CONTROL('b')},
     .scopes = SCOPE_ANY, .help = "a page up"},
    {.action = ACTION_PAGE_DOWN, .keys = {INPUT_PAGE_DOWN, INPUT_CONTROL('d'), INPUT_CONTROL('f')},
     .scopes = SCOPE_ANY, .help = "a page down"},
    {.action = ACTION_FIRST, .keys = {INPUT_HOME, 'g'}, .scopes = SCOPE_ANY, .help = "first row"},
    {.action = ACTION_LAST, .keys = {INPUT_END, 'G'}, .scopes = SCOPE_ANY, .help = "last row"},
    {.action = ACTION_NEXT_SCREEN, .keys = {INPUT_TAB}, .scopes = SCOPE_ANY,
     .label = "Screen", .help = "next screen"},
    {.action = ACTION_PREVIOUS_SCREEN, .keys = {INPUT_SHIFT_TAB}, .scopes = SCOPE_ANY,
     .help = "previous screen"},
    {.action = ACTION_SCREEN, .keys = {'1', '9'}, .is_range = true, .scopes = SCOPE_ANY,
     .help = "the screen with this digit"},
    {.action = ACTION_SCREEN, .keys = {'0', 'A', 'D', 'L', 'O'}, .scopes = SCOPE_ANY,
     .help = "the screen with this digit or letter"},
    {.action = ACTION_COPY, .keys = {'y'}, .scopes = SCOPE_ANY,
     .help = "copy the selected row, or the stack (OSC 52)"},
    {.action = ACTION_WRITE, .keys = {'w'}, .scopes = SCOPE_ANY,
     .help = "write all rows of this view to a file: .json, .csv or text"},
    {.action = ACTION_COMMAND, .keys = {':'}, .scopes = SCOPE_ANY, .help = "type a command; Tab completes, Up has the last ones"},
    {.action = ACTION_REDRAW, .keys = {INPUT_CONTROL('l'), 'R'}, .scopes = SCOPE_ANY,
     .help = "draw the screen again"},
    {.action = ACTION_HELP, .keys = {'?', 'h', INPUT_F1}, .scopes = SCOPE_ANY,
     .label = "Help", .help = "this help"},
    {.action = ACTION_QUIT, .keys = {'q', INPUT_F1 + 9}, .scopes = SCOPE_ANY,
     .label = "Quit", .help = "close this view; on a screen: quit"},
    {.action = ACTION_QUIT_NOW, .keys = {'Q', INPUT_CONTROL('c')}, .scopes = SCOPE_ANY,
     .help = "quit from anywhere"},
};
/* clang-format on */

const struct key_binding *key_binding_at(size_t position)
{
    return position < sizeof bindings / sizeof *bindings ? &bindings[position] : NULL;
}

static bool has_key(const struct key_binding *binding, uint32_t key)
{
    if (binding->is_range)
        return key >= binding->keys[0] && key <= binding->keys[1];
    for (size_t i = 0; i < KEY_BINDING_MAX_KEYS && binding->keys[i]; i++)
        if (binding->keys[i] == key)
            return true;
    return false;
}

enum action key_binding_action(uint32_t key, unsigned scopes)
{
    const struct key_binding *binding;
    for (size_t i = 0; (binding = key_binding_at(i)); i++)
        if ((binding->scopes & scopes) && has_key(binding, key))
            return binding->action;
    return ACTION_NONE;
}

void key_binding_print_keys(const struct key_binding *binding, struct text *out)
{
    char name[INPUT_KEY_NAME_BYTES];
    for (size_t i = 0; i < KEY_BINDING_MAX_KEYS && binding->keys[i]; i++) {
        text_add(out, i == 0 ? "" : binding->is_range ? ".." : " ");
        text_add(out, input_key_name(binding->keys[i], name));
    }
}
