/* parser ROUNDS: parses deeply nested expressions by recursive descent into a tree, adds it up and
 * frees it. Stacks are deep (some 200 frames), change all the time, and share their outer part with
 * the ones before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_numbers.h"

enum {
    DEEPEST = 60,
    TEXT_BYTES = 1 << 16
};

struct node {
    char operation; /* 'n' for a number */
    double value;
    struct node *left, *right;
};

/* ---- the text ------------------------------------------------------------------------------- */

static char *add_text(char *at, const char *text)
{
    size_t length = strlen(text);
    memcpy(at, text, length + 1);
    return at + length;
}

/* An expression of `depth` nested parentheses, with a few terms on each level. */
static char *write_expression(char *at, int depth, uint64_t *state)
{
    static const char *const operations[] = {" + ", " * ", " - "};
    for (uint32_t i = random_next(state) % 3; i > 0; i--) {
        at += sprintf(at, "%u", random_next(state) % 100);
        at = add_text(at, operations[random_next(state) % 3]);
    }
    if (depth == 0)
        return add_text(at, "1");
    at = add_text(at, "(");
    at = write_expression(at, depth - 1, state);
    return add_text(at, ")");
}

/* ---- the parser -------------------------------------------------------------------------------
 */

struct parser {
    const char *at;
};

static struct node *parse_sum(struct parser *parser);

static struct node *make_node(char operation, double value, struct node *left, struct node *right)
{
    struct node *node = malloc(sizeof *node);
    *node = (struct node){operation, value, left, right};
    return node;
}

static char next_character(struct parser *parser)
{
    while (*parser->at == ' ')
        parser->at++;
    return *parser->at;
}

static __attribute__((noinline)) struct node *parse_number(struct parser *parser)
{
    char *end;
    double value = strtod(parser->at, &end);
    char *copy = strndup(parser->at, (size_t)(end - parser->at)); /* as a tokeniser would */
    parser->at = end;
    struct node *node = make_node('n', copy[0] == '-' ? -value : value, NULL, NULL);
    free(copy);
    return node;
}

static __attribute__((noinline)) struct node *parse_primary(struct parser *parser)
{
    if (next_character(parser) != '(')
        return parse_number(parser);
    parser->at++;
    struct node *node = parse_sum(parser);
    parser->at += next_character(parser) == ')';
    return node;
}

static __attribute__((noinline)) struct node *parse_product(struct parser *parser)
{
    struct node *node = parse_primary(parser);
    while (next_character(parser) == '*') {
        parser->at++;
        node = make_node('*', 0, node, parse_primary(parser));
    }
    return node;
}

static __attribute__((noinline)) struct node *parse_sum(struct parser *parser)
{
    struct node *node = parse_product(parser);
    for (char sign; (sign = next_character(parser)) == '+' || sign == '-';) {
        parser->at++;
        node = make_node(sign, 0, node, parse_product(parser));
    }
    return node;
}

/* ---- what is done with a tree -------------------------------------------------------------------
 */

static double evaluate(const struct node *node)
{
    if (node->operation == 'n')
        return node->value;
    double left = evaluate(node->left), right = evaluate(node->right);
    return node->operation == '+'   ? left + right
           : node->operation == '-' ? left - right
                                    : left * right;
}

static void destroy(struct node *node)
{
    if (node == NULL)
        return;
    destroy(node->left);
    destroy(node->right);
    free(node);
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 2) {
        fprintf(stderr, "usage: parser ROUNDS\n");
        return 2;
    }
    uint64_t state = 88172645463325252u;
    char *text = malloc(TEXT_BYTES);
    double sum = 0;
    for (long round = atol(arguments[1]); round > 0; round--) {
        write_expression(text, DEEPEST, &state);
        struct parser parser = {text};
        struct node *tree = parse_sum(&parser);
        sum += evaluate(tree);
        destroy(tree);
    }
    free(text);
    return sum == 0.5;
}
