/* What the stacks of demo_viewer point to. */
#include "parser.h"

struct node *parse_expression(struct lexer *lexer, unsigned depth)
{
	struct node *node = node_create(lexer->arena);

	while (lexer_has_more(lexer)) {
		struct token *token = malloc(sizeof *token);
		lexer_next(lexer, token);
		if (token->kind == TOKEN_OPEN)
			node_append(node, parse_expression(lexer, depth + 1));
		if (token->kind == TOKEN_CLOSE)
			break;
		node_append(node, node_of_token(token)); /* keeps the token */
	}
	return node;
}

struct document *parse_document(const char *path)
{
	struct lexer lexer = {.path = path};
	return document_create(parse_expression(&lexer, 0));
}
