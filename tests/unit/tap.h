/* The little that a unit test needs: numbered results in the Test Anything Protocol. A test program
 * calls ok() and its kin and ends with return tap_end(); */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_count, tap_failures;

#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) \
	tap_is_int((long long)(got), (long long)(want), __FILE__, __LINE__, __VA_ARGS__)
#define is_text(got, want, ...) tap_is_text((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_bytes(got, want, len, ...) \
	tap_is_bytes((got), (want), (len), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 4, 5), unused)) static bool tap_ok(bool passed, const char *file,
                                                                 int line, const char *name, ...)
{
	char text[512];
	__builtin_va_list args;

	__builtin_va_start(args, name);
	vsnprintf(text, sizeof text, name, args);
	__builtin_va_end(args);
	printf("%s %u - %s\n", passed ? "ok" : "not ok", ++tap_count, text);
	if (!passed) {
		tap_failures++;
		printf("# at %s:%d\n", file, line);
	}
	fflush(stdout);
	return passed;
}

#define TAP_FORWARD(passed)                       \
	char text[512];                           \
	__builtin_va_list args;                   \
	__builtin_va_start(args, name);           \
	vsnprintf(text, sizeof text, name, args); \
	__builtin_va_end(args);                   \
	tap_ok(passed, file, line, "%s", text)

__attribute__((format(printf, 5, 6), unused)) static void tap_is_int(long long got, long long want,
                                                                     const char *file, int line,
                                                                     const char *name, ...)
{
	TAP_FORWARD(got == want);
	if (got != want)
		printf("# got %lld, want %lld\n", got, want);
}

__attribute__((format(printf, 5, 6), unused)) static void tap_is_text(const char *got,
                                                                      const char *want,
                                                                      const char *file, int line,
                                                                      const char *name, ...)
{
	bool passed = got != NULL && strcmp(got, want) == 0;

	TAP_FORWARD(passed);
	if (!passed)
		printf("# got \"%s\", want \"%s\"\n", got ? got : "(null)", want);
}

__attribute__((format(printf, 6, 7), unused)) static void tap_is_bytes(const void *got,
                                                                       const void *want, size_t len,
                                                                       const char *file, int line,
                                                                       const char *name, ...)
{
	bool passed = memcmp(got, want, len) == 0;

	TAP_FORWARD(passed);
	for (size_t i = 0; !passed && i < len; i++)
		if (((const unsigned char *)got)[i] != ((const unsigned char *)want)[i]) {
			printf("# byte %zu is %02x, want %02x\n", i,
			       ((const unsigned char *)got)[i], ((const unsigned char *)want)[i]);
			break;
		}
}

/* Prints the plan and returns what main should. */
__attribute__((unused)) static int tap_end(void)
{
	printf("1..%u\n", tap_count);
	return tap_failures != 0;
}
