/*
 * attr.h -- every compiler attribute we use.
 *
 * Runs on: any thread.
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(fmt, va) __attribute__((format(printf, fmt, va)))
#define UNUSED __attribute__((unused))
#define NORETURN __attribute__((noreturn))

/* AUTO(x_free) struct x *x = ...: x_free(&x) runs when the variable goes out of scope. */
#define AUTO(destroy) __attribute__((cleanup(destroy)))

/* The struct of type T whose member m is at p. */
#define CONTAINER(p, T, m) ((T *)(void *)((char *)(p)-offsetof(T, m)))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
