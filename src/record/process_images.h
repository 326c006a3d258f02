/* The images of a session: how one begins, by exec or fork or without a word of its own, and whose
 * child it is. */
#ifndef SEEP_RECORD_PROCESS_IMAGES_H
#define SEEP_RECORD_PROCESS_IMAGES_H

#include "record/process_tree.h"

/* The newest image of a pid, or NULL. */
struct recorded_process *process_images_find_pid(const struct process_tree *tree, uint32_t pid);

/* The image that held a slot of the session's process table, which may be gone; or NULL. */
struct recorded_process *process_images_find(const struct process_tree *tree, uint32_t pid,
                                             uint32_t slot);

/* The end of the pidfd's process wakes the recorder, with the pid. */
void process_images_add_to_epoll(const struct process_tree *tree, int pidfd, uint32_t pid);

/* A pidfd (which is close-on-exec), whose end is told by the epoll set; -1 = not to be had. */
int process_images_watch(const struct process_tree *tree, uint32_t pid);

/* Closes it; -1 = there is none. */
void process_images_end_watch(const struct process_tree *tree, int pidfd);

/* A new image by exec: continues the expected command, or the pid's image before. */
struct recorded_process *process_images_start_by_exec(struct process_tree *tree,
                                                      const struct wire_process *record,
                                                      uint64_t ticks);

/* A child that was forked, with its parent's heap; NULL: it must wait for its parent. */
struct recorded_process *process_images_start_by_fork(struct process_tree *tree,
                                                      const struct wire_process *record,
                                                      uint64_t ticks);

/* An image that was expected by an exec or spawn is not, any more. */
void process_images_drop_expected(struct process_tree *tree, size_t position);

/* The image that is expected of this pid, or NULL. Borrowed until the list changes. */
struct expected_image *process_images_find_expected(const struct process_tree *tree, uint32_t pid);

/* Whatever was expected of this pid has come, or cannot. */
void process_images_forget_expected(struct process_tree *tree, uint32_t pid);

/* An image is to come of this pid that cannot be followed, and why. Takes `path` over. */
void process_images_expect(struct process_tree *tree, struct recorded_process *parent, uint32_t pid,
                           const char *reason, uint64_t ticks, char *path);

/* What was expected will not say a word of its own: it becomes an image without figures. */
struct recorded_process *process_images_turn_unseen(struct process_tree *tree,
                                                    struct expected_image *expected);

/* What cannot be followed is put down as soon as its exec has surely not failed. */
void process_images_sweep_expected(struct process_tree *tree);

/* Its process is gone (or, at the end of the session, lives on). With filters it may have been seen
 * and not been wanted, which is nobody's loss. */
void process_images_settle_expected(struct process_tree *tree, uint32_t pid);

#endif
