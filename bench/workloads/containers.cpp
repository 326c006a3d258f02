// containers ROUNDS: what C++ programs do all day: maps of strings, trees of owned nodes, vectors
// that grow, strings that are put together.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "random_numbers.h"

namespace {

struct node {
    std::string key;
    std::unique_ptr<node> left, right;
};

void insert(std::unique_ptr<node> &root, std::string key)
{
    std::unique_ptr<node> *place = &root;
    while (*place)
        place = key < (*place)->key ? &(*place)->left : &(*place)->right;
    *place = std::make_unique<node>();
    (*place)->key = std::move(key);
}

std::string make_name(uint64_t &state)
{
    return "a key that is too long to stand in the string itself, number " +
           std::to_string(random_next(&state) % 100000);
}

size_t count_words(uint64_t &state)
{
    std::map<std::string, std::vector<int>> places;
    for (int i = 0; i < 1000; i++)
        places[make_name(state)].push_back(i);
    size_t total = 0;
    for (const auto &entry : places)
        total += entry.second.size();
    return total;
}

size_t grow_tree(uint64_t &state)
{
    std::unique_ptr<node> root;
    for (int i = 0; i < 1000; i++)
        insert(root, make_name(state));
    return root->key.size();
}

size_t index_names(uint64_t &state)
{
    std::unordered_map<std::string, std::string> index;
    for (int i = 0; i < 500; i++)
        index.emplace(make_name(state), make_name(state));
    std::vector<std::string> sorted;
    for (const auto &entry : index)
        sorted.push_back(entry.first + " -> " + entry.second);
    std::sort(sorted.begin(), sorted.end());
    return sorted.size();
}

} // namespace

int main(int argument_count, char **arguments)
{
    if (argument_count != 2) {
        std::fprintf(stderr, "usage: containers ROUNDS\n");
        return 2;
    }
    uint64_t state = 88172645463325252u;
    size_t total = 0;
    for (long round = std::atol(arguments[1]); round > 0; round--)
        total += count_words(state) + grow_tree(state) + index_names(state);
    return total == 0;
}
