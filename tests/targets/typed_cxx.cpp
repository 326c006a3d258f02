// Classes and containers of C++, in variables. What seep is to find (tests/system/typed.py):
//
//   cache.table  unordered_map of 1,000 sessions, each with a name of 35 characters or more
//   names        map of 300      numbers  set of 200        ordered  multimap of 30
//   sessions     list of 50, each with a vector of 7        forward  forward_list of 40
//   queue        deque of 490 of 500 that were put in       text     string of 10,000
//   shapes       vector of 60 pointers to 40 Square and 20 Circle
//   grid         vector of 20 vectors of 100 to 119
//   reserved     vector of 0 with room for 64               parts    unordered_set of 70
//   ring         10 Node in a circle of shared_ptr; 1 Plain with a control block of its own
//   squares      an array of 3 Square by new[], with their number in front
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace app {

struct Session {
    int id = 0;
    std::string user;
    std::vector<int> lines;
};

struct Shape {
    virtual ~Shape() = default;
    virtual int area() = 0;
};

struct Square : Shape {
    int side[6] = {};
    int area() override
    {
        return side[0];
    }
};

class Circle : public Shape {
    long radius[4] = {};
    int area() override
    {
        return 3;
    }
};

struct Node {
    std::shared_ptr<Node> next;
    long payload[5] = {};
};

struct Plain {
    long figures[3] = {};
};

struct Cache {
    long hits = 0;
    std::unordered_map<long, Session> table;
};

Cache cache;
std::map<int, std::string> names;
std::set<long> numbers;
std::multimap<int, long> ordered;
std::list<Session> sessions;
std::forward_list<long> forward;
std::deque<double> queue;
std::string text;
std::vector<Shape *> shapes;
std::vector<std::vector<int>> grid;
std::vector<long> reserved;
std::unordered_set<long> parts;
std::shared_ptr<Node> ring;
std::shared_ptr<Plain> plain;
Square *squares;

static void fill_associative()
{
    for (int i = 0; i < 1000; i++)
        cache.table[i].user = "somebody with a long name, number " + std::to_string(i);
    for (int i = 0; i < 300; i++)
        names[i] = "short";
    for (int i = 0; i < 200; i++)
        numbers.insert(i);
    for (int i = 0; i < 30; i++)
        ordered.emplace(i / 2, i);
    for (int i = 0; i < 70; i++)
        parts.insert(i);
}

static void fill_sequences()
{
    for (int i = 0; i < 50; i++) {
        sessions.emplace_back();
        sessions.back().lines.assign(7, i);
    }
    for (int i = 0; i < 40; i++)
        forward.push_front(i);
    for (int i = 0; i < 500; i++)
        queue.push_back(i);
    for (int i = 0; i < 10; i++)
        queue.pop_front();
    for (int i = 0; i < 20; i++)
        grid.emplace_back(100 + i);
    text.assign(10000, 'x');
    reserved.reserve(64);
}

static void fill_pointers()
{
    for (int i = 0; i < 60; i++)
        shapes.push_back(i % 3 == 0 ? (Shape *)new Circle : new Square);
    ring = std::make_shared<Node>();
    auto last = ring;
    for (int i = 0; i < 9; i++) {
        last->next = std::make_shared<Node>();
        last = last->next;
    }
    last->next = ring;
    plain.reset(new Plain);
    squares = new Square[3];
}

} // namespace app

int main()
{
    app::fill_associative();
    app::fill_sequences();
    app::fill_pointers();
    return 0;
}
