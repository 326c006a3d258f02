/* handoff PAIRS BLOCKS: PAIRS threads allocate, PAIRS others free what these pass on, in batches
 * through a queue: every block is released by another thread than the one it was born in. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "random_numbers.h"

enum {
    MAX_PAIRS = 32,
    BATCH_BLOCKS = 256,
    QUEUE_BATCHES = 16
};

struct batch {
    void *blocks[BATCH_BLOCKS];
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch batches[QUEUE_BATCHES];
    long put, taken;
};

static struct queue queues[MAX_PAIRS];
static long batches_of_pair;

static void put(struct queue *queue, const struct batch *batch)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->put - queue->taken == QUEUE_BATCHES)
        pthread_cond_wait(&queue->changed, &queue->lock);
    queue->batches[queue->put++ % QUEUE_BATCHES] = *batch;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

static void take(struct queue *queue, struct batch *batch)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->put == queue->taken)
        pthread_cond_wait(&queue->changed, &queue->lock);
    *batch = queue->batches[queue->taken++ % QUEUE_BATCHES];
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

static void *produce(void *argument)
{
    uint64_t state = 362436069362436069u;
    struct batch batch;
    for (long i = 0; i < batches_of_pair; i++) {
        for (int block = 0; block < BATCH_BLOCKS; block++)
            batch.blocks[block] = malloc(random_size(&state));
        put(argument, &batch);
    }
    return NULL;
}

static void *consume(void *argument)
{
    struct batch batch;
    for (long i = 0; i < batches_of_pair; i++) {
        take(argument, &batch);
        for (int block = 0; block < BATCH_BLOCKS; block++)
            free(batch.blocks[block]);
    }
    return NULL;
}

int main(int argument_count, char **arguments)
{
    pthread_t threads[2 * MAX_PAIRS];
    int pair_count = argument_count == 3 ? atoi(arguments[1]) : 0;
    if (pair_count < 1 || pair_count > MAX_PAIRS) {
        fprintf(stderr, "usage: handoff PAIRS BLOCKS\n");
        return 2;
    }
    batches_of_pair = atol(arguments[2]) / BATCH_BLOCKS / pair_count;
    for (int i = 0; i < pair_count; i++) {
        pthread_mutex_init(&queues[i].lock, NULL);
        pthread_cond_init(&queues[i].changed, NULL);
        if (pthread_create(&threads[2 * i], NULL, produce, &queues[i]) != 0 ||
            pthread_create(&threads[2 * i + 1], NULL, consume, &queues[i]) != 0)
            return 1;
    }
    for (int i = 0; i < 2 * pair_count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
