// A little server that answers 500 requests, with the three habits that seep is for. It needs no
// input and prints nothing but a line at its end.
//
//   habit                where                   allocations   bytes each   all bytes   live at the end
//   a leak               remember_caller()               100        1,000     100,000           100,000
//   growth               open_session()                  500        4,096   2,048,000         2,048,000
//   churn                format_answer()              50,000           64   3,200,000                 0
//   a peak               rebuild_index()                   1    8,388,608   8,388,608                 0
//   together                                          50,601               13,736,608         2,148,000
//
// The index is built after 250 requests, when 250 sessions and 50 forgotten callers are held, so the
// peak is 8,388,608 + 250 * 4,096 + 50 * 1,000 = 9,462,608 bytes, and 50,001 of the allocations are
// temporary (the lines and the index). Beside these the C++ library allocates one block for itself
// before main begins.

#include <cstdlib>
#include <cstring>
#include <unistd.h>

static const int request_count = 500;
static const int lines_an_answer = 100;
static const std::size_t index_bytes = 8u << 20;

struct Session {
    Session *next;
    char state[4096 - sizeof(Session *)];
};

// Nothing ever leaves this list: every block is reachable, and it only grows.
static Session *sessions;

static void open_session(int request)
{
    Session *session = new Session;
    session->next = sessions;
    std::memset(session->state, request, sizeof session->state);
    sessions = session;
}

// The only pointer to the copy dies with this function: nobody can free it any more.
static void remember_caller(int request)
{
    char *copy = static_cast<char *>(std::malloc(1000));
    if (copy)
        std::memset(copy, request, 1000);
}

// A new buffer for every line, where one for all would do.
static int format_answer(int request)
{
    int sum = 0;
    for (int line = 0; line < lines_an_answer; line++) {
        char *buffer = new char[64];
        std::memset(buffer, request + line, 64);
        sum += buffer[line % 64];
        delete[] buffer;
    }
    return sum;
}

// Large and short: gone long before the end, and yet what the program needs at its worst.
static int rebuild_index()
{
    char *index = static_cast<char *>(std::malloc(index_bytes));
    if (!index)
        return 0;
    std::memset(index, 1, index_bytes);
    int last = index[index_bytes - 1];
    std::free(index);
    return last;
}

static int answer(int request)
{
    open_session(request);
    if (request % 5 == 0)
        remember_caller(request);
    return format_answer(request);
}

int main()
{
    static const char done[] = "demo: 500 requests answered\n";
    volatile int sum = 0;

    for (int request = 1; request <= request_count; request++) {
        sum = sum + answer(request);
        if (request == request_count / 2)
            sum = sum + rebuild_index();
    }
    return write(STDOUT_FILENO, done, sizeof done - 1) < 0;
}
