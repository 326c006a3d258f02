// Blocks that C++ holds by pointers behind their start, which all count as pointers to the start:
// behind the number of elements of new[] (8 + 3 * 16 bytes), and a second base class (48 bytes).
// And a length in front of data (8 + 192 bytes). Nothing is lost but one array (8 + 2 * 16 bytes).
#include <cstdint>
#include <cstdlib>

struct Element {
    long value = 0;
    Element *other = nullptr;
    ~Element()
    {
        value = 1;
    }
};

struct First {
    long first = 0;
    virtual ~First() = default;
    virtual long get()
    {
        return first;
    }
};

struct Second {
    long second = 0;
    virtual ~Second() = default;
    virtual long get_second()
    {
        return second;
    }
};

struct Both : First, Second {
    long both[2] = {0, 0};
};

static Element *elements;
static Second *second;
static char *text;

static void make()
{
    elements = new Element[3];
    second = new Both;
    auto *counted = static_cast<uint64_t *>(calloc(1, 8 + 192));
    counted[0] = 192;
    text = reinterpret_cast<char *>(counted + 1);
    new Element[2];
}

int main()
{
    make();
    return elements && second && text ? 0 : 1;
}
