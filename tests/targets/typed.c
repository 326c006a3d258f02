/* Blocks of all shapes of types in C, which hang from variables of these types. What seep is to find
 * (tests/system/typed.py):
 *
 *   list           40 of `struct item`, the last with a name of 9 characters
 *   tree           31 of `struct leaf`, a tree of 5 levels
 *   server.db[1]   a table: 1 `table`, 1 `struct entry *[]` of 16, 25 `struct entry` in chains;
 *                  their values are void pointers: 10 `struct value` that a variable also knows, and
 *                  15 of the same site, typed by vote
 *   current        TLS: 1 `struct thread_state` with `struct job[]` of 6
 *   shared         2 holders of 1 `struct item`
 *   ring           3 `struct ring_node` in a circle
 *   packet         1 `struct packet` with 5 flexible elements, each to a `struct item`
 *   either         a union of a number and a pointer: 1 block of 72 bytes, not known
 *   unknown        a void pointer: 1 block of 88 bytes, not known
 *   counter        a static variable in a function: 1 `struct ring_node`
 *   numbers        `long[]` of 10
 */
#include <stdlib.h>
#include <string.h>

struct item {
    struct item *next;
    char *name;
    long number;
    long more[3];
};

struct leaf {
    int key;
    struct leaf *left, *right;
};

struct value {
    long figures[5];
};

struct entry {
    struct entry *next;
    void *value;
    long key;
};

typedef struct {
    struct entry **buckets;
    size_t size;
} table;

struct server {
    int port;
    struct {
        table *dict;
        long expires;
    } db[2];
};

struct job {
    struct item *input;
    long state[3];
};

struct thread_state {
    struct job *jobs;
    long count[8];
};

struct ring_node {
    struct ring_node *next;
    long filler[6];
};

struct packet {
    long count;
    struct {
        long id;
        struct item *item;
    } parts[];
};

struct item *list;
struct leaf *tree;
struct server server;
struct value *known_values[10];
_Thread_local struct thread_state *current;
struct {
    struct item *one, *other;
} shared;
static struct ring_node *ring;
struct packet *packet;
union {
    long number;
    struct item *item;
} either;
void *unknown;
long *numbers;

static void *xcalloc(size_t bytes)
{
    void *block = calloc(1, bytes);

    return block ? block : (abort(), NULL);
}

static struct item *make_item(long number)
{
    struct item *item = xcalloc(sizeof *item);

    item->number = number;
    return item;
}

static struct leaf *make_tree(int depth)
{
    struct leaf *leaf = xcalloc(sizeof *leaf);

    if (depth > 1) {
        leaf->left = make_tree(depth - 1);
        leaf->right = make_tree(depth - 1);
    }
    return leaf;
}

static void fill_server(void)
{
    table *dict = xcalloc(sizeof *dict);

    server.db[1].dict = dict;
    dict->size = 16;
    dict->buckets = xcalloc(dict->size * sizeof *dict->buckets);
    for (long i = 0; i < 25; i++) {
        struct entry *entry = xcalloc(sizeof *entry);
        struct entry **bucket = &dict->buckets[i % 16];

        entry->key = i;
        entry->value = xcalloc(sizeof(struct value));
        entry->next = *bucket;
        *bucket = entry;
        if (i < 10)
            known_values[i] = entry->value;
    }
}

static void make_ring(void)
{
    struct ring_node *nodes[3];

    for (int i = 0; i < 3; i++)
        nodes[i] = xcalloc(sizeof *nodes[i]);
    for (int i = 0; i < 3; i++)
        nodes[i]->next = nodes[(i + 1) % 3];
    ring = nodes[0];
}

static void count(void)
{
    static struct ring_node *counter;

    counter = xcalloc(sizeof *counter);
}

int main(void)
{
    for (long i = 0; i < 40; i++) {
        struct item *item = make_item(i);

        item->next = list;
        list = item;
        if (i == 0)
            item->name = strdup("character");
    }
    tree = make_tree(5);
    fill_server();
    current = xcalloc(sizeof *current);
    current->jobs = xcalloc(6 * sizeof *current->jobs);
    shared.one = shared.other = NULL;
    shared.one = make_item(1);
    shared.other = shared.one;
    make_ring();
    packet = xcalloc(sizeof *packet + 5 * sizeof packet->parts[0]);
    for (int i = 0; i < 5; i++)
        packet->parts[i].item = make_item(i);
    either.item = (struct item *)xcalloc(72);
    unknown = xcalloc(88);
    count();
    numbers = xcalloc(10 * sizeof *numbers);
    return 0;
}
