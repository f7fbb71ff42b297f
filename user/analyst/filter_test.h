/* SPDX-License-Identifier: GPL-2.0-only */
/* bailiffctl filter test and filter check: offline, without privilege. */
#ifndef ANALYST_FILTER_TEST_H
#define ANALYST_FILTER_TEST_H

/* argv[0] is the command's own name ("test"). Exit code: 0 done, 1 bad usage, 2 the filter does not
 * load, or a file cannot be read or written. */
int filter_test_main(int argc, char **argv);
/* The same for "check"; 2: a file is refused, or cannot be read. */
int filter_check_main(int argc, char **argv);

/* Adds the filter files of a folder (NAME.conf, NAME.local, NAME.d/) to a set; -ENOENT and so
 * on. */
struct filter_set;
int filter_folder_add(struct filter_set *set, const char *folder);

/* fn per such file, in no order; name is what filter_set_add_file wants. fn's nonzero ends and is
 * returned. */
typedef int (*filter_file_fn)(const char *path, const char *name, void *arg);
int filter_folder_each(const char *folder, filter_file_fn fn, void *arg);

#endif
