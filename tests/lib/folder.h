/* Folder: what a test leaves behind on the disk. */
#ifndef WEIR_TESTS_LIB_FOLDER_H
#define WEIR_TESTS_LIB_FOLDER_H

/* Removes a folder and everything in it, as far as that goes; links are removed, not followed. */
void folder_remove(const char *path);

#endif
