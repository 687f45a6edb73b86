#include "core/jobs/store_database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/macros.h"
#include "core/jobs/store_schema.h"

/* The log is moved into the file when it has about 4 MB, and is cut back to this after a burst. */
#define LOG_BYTES_MOST "16777216"

/* Places in the header of an SQLite file (sqlite.org/fileformat2.html, 1.3). */
enum { HEADER_BYTES = 100, AT_PAGE_SIZE = 16, AT_APPLICATION_ID = 68 };

enum ep_status store_database_damaged(const char *path, const char *what, struct ep_error *error)
{
    return ep_fail(error, EP_CORRUPT,
                   "\"%s\" is damaged (%s): put a backup in its place, or move it away together with the "
                   "files of the same name ending in -wal and -shm to start empty",
                   path, what);
}

enum ep_status store_database_fail(sqlite3 *database, struct ep_error *error)
{
    const int code = sqlite3_errcode(database) & 0xff;
    const char *reason = sqlite3_errmsg(database);
    const char *path = sqlite3_db_filename(database, "main");
    if (path == NULL) {
        path = "epochd.db";
    }
    switch (code) {
    case SQLITE_NOMEM:
        return ep_fail(error, EP_NO_MEMORY, "not enough memory for \"%s\"", path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return store_database_damaged(path, reason, error);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ep_fail(error, EP_UNAVAILABLE, "another program has \"%s\" open: close it", path);
    case SQLITE_FULL:
        return ep_fail(error, EP_IO, "the disk is full, \"%s\" cannot be written: free some space", path);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM: {
        const int cause = sqlite3_system_errno(database);
        if (cause != 0) {
            return ep_fail_errno(error, EP_IO, cause, "\"%s\": %s", path, reason);
        }
        return ep_fail(error, EP_IO, "\"%s\": %s", path, reason);
    }
    default:
        return ep_fail(error, EP_INTERNAL, "\"%s\": %s", path, reason);
    }
}

enum ep_status store_database_run(sqlite3 *database, const char *sql, struct ep_error *error)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return store_database_fail(database, error);
    }
    return EP_OK;
}

enum ep_status store_database_read(sqlite3 *database, const char *sql, char *text, size_t size,
                                   struct ep_error *error)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) {
        return store_database_fail(database, error);
    }
    enum ep_status status = EP_OK;
    text[0] = '\0';
    switch (sqlite3_step(statement)) {
    case SQLITE_ROW: {
        const unsigned char *value = sqlite3_column_text(statement, 0);
        snprintf(text, size, "%s", value == NULL ? "" : (const char *)value);
        break;
    }
    case SQLITE_DONE:
        break;
    default:
        status = store_database_fail(database, error);
        break;
    }
    sqlite3_finalize(statement);
    return status;
}

enum ep_status store_folder_sync(const char *folder, struct ep_error *error)
{
    const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return ep_fail_errno(error, EP_IO, errno, "cannot open the folder \"%s\"", folder);
    }
    enum ep_status status = EP_OK;
    if (fsync(descriptor) != 0) {
        status = ep_fail_errno(error, EP_IO, errno, "cannot sync the folder \"%s\"", folder);
    }
    close(descriptor);
    return status;
}

/* Size of the file, -1 when it is not there. */
static enum ep_status measure(const char *path, int64_t *size, struct ep_error *error)
{
    struct stat about;
    if (stat(path, &about) == 0) {
        *size = about.st_size;
        return EP_OK;
    }
    *size = -1;
    return errno == ENOENT ? EP_OK : ep_fail_errno(error, EP_IO, errno, "cannot read \"%s\"", path);
}

static enum ep_status read_header(const char *path, uint8_t header[HEADER_BYTES], struct ep_error *error)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return ep_fail_errno(error, EP_IO, errno, "cannot open \"%s\"", path);
    }
    enum ep_status status = EP_OK;
    const ssize_t got = pread(descriptor, header, HEADER_BYTES, 0);
    if (got < 0) {
        status = ep_fail_errno(error, EP_IO, errno, "cannot read \"%s\"", path);
    } else if (got < HEADER_BYTES) {
        status = store_database_damaged(path, "it is too short", error);
    }
    close(descriptor);
    return status;
}

/*
 * Looks at the header before SQLite does: SQLite would take an empty file for a new database and throw its
 * log away, would roll a foreign database back, and would read a last page that was cut short as zeros.
 */
static enum ep_status check_header(const char *path, int64_t size, bool has_log, struct ep_error *error)
{
    uint8_t header[HEADER_BYTES] = {0};
    const enum ep_status status = read_header(path, header, error);
    if (status != EP_OK) {
        return status;
    }
    if (memcmp(header, "SQLite format 3", 16) != 0) {
        return store_database_damaged(path, "it is not an SQLite file", error);
    }
    const uint8_t *at = &header[AT_APPLICATION_ID];
    const uint32_t id = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    if (id != STORE_APPLICATION_ID) {
        return ep_fail(
            error, EP_CORRUPT,
            "\"%s\" is an SQLite file of another program: move it away, or use another state folder", path);
    }
    /* A power cut may leave half a page while the log still has all of it. */
    const unsigned page = (unsigned)header[AT_PAGE_SIZE] << 8 | header[AT_PAGE_SIZE + 1];
    if (!has_log && page > 1 && size % page != 0) {
        return store_database_damaged(path, "its end is missing", error);
    }
    return EP_OK;
}

static enum ep_status connect_to(const char *path, int flags, sqlite3 **database, struct ep_error *error)
{
    /* Every use of the connection is behind the store's own mutex. */
    const int all = flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    enum ep_status status = EP_OK;
    if (sqlite3_open_v2(path, database, all, NULL) != SQLITE_OK) {
        status = *database == NULL ? ep_fail(error, EP_NO_MEMORY, "not enough memory to open \"%s\"", path)
                                   : store_database_fail(*database, error);
        sqlite3_close(*database);
        *database = NULL;
    }
    return status;
}

/* Makes a file that holds nothing but our mark; the migrations do the rest on every opening. */
static enum ep_status make_marked(const char *path, struct ep_error *error)
{
    sqlite3 *database = NULL;
    enum ep_status status = connect_to(path, SQLITE_OPEN_CREATE, &database, error);
    if (status != EP_OK) {
        return status;
    }
    char mark[48];
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d", STORE_APPLICATION_ID);
    const char *const steps[] = {"PRAGMA synchronous = FULL", mark, "PRAGMA journal_mode = WAL"};
    for (size_t i = 0; i < EP_COUNT(steps) && status == EP_OK; i++) {
        status = store_database_run(database, steps[i], error);
    }
    if (sqlite3_close(database) != SQLITE_OK && status == EP_OK) {
        status = ep_fail(error, EP_INTERNAL, "\"%s\" could not be closed", path);
    }
    return status;
}

/* Made under another name and renamed, so that a file of that name is never anything but whole. */
static enum ep_status make(const char *folder, const char *path, struct ep_error *error)
{
    char *fresh = sqlite3_mprintf("%s.new", path);
    char *journal = sqlite3_mprintf("%s.new-journal", path);
    char *log = sqlite3_mprintf("%s.new-wal", path);
    enum ep_status status = EP_OK;
    if (fresh == NULL || journal == NULL || log == NULL) {
        status = ep_fail(error, EP_NO_MEMORY, "not enough memory to make \"%s\"", path);
    } else {
        /* Left over when the process died here before. */
        unlink(journal);
        unlink(log);
        unlink(fresh);
        status = make_marked(fresh, error);
        if (status == EP_OK && rename(fresh, path) != 0) {
            status = ep_fail_errno(error, EP_IO, errno, "cannot make \"%s\"", path);
        }
        if (status == EP_OK) {
            status = store_folder_sync(folder, error);
        }
    }
    sqlite3_free(fresh);
    sqlite3_free(journal);
    sqlite3_free(log);
    return status;
}

static enum ep_status find_or_make(const char *folder, const char *path, const char *log,
                                   struct ep_error *error)
{
    int64_t size;
    int64_t log_size = -1;
    enum ep_status status = measure(path, &size, error);
    if (status == EP_OK) {
        status = measure(log, &log_size, error);
    }
    if (status != EP_OK) {
        return status;
    }
    if (size >= 0) {
        return check_header(path, size, log_size > 0, error);
    }
    if (log_size > 0) {
        return ep_fail(
            error, EP_CORRUPT,
            "\"%s\" is missing, but its log \"%s\" is there: put the file back, or move the log away "
            "to start empty",
            path, log);
    }
    return make(folder, path, error);
}

/* Runs a pragma that answers with what is in force, which must be what was asked for. */
static enum ep_status demand(sqlite3 *database, const char *sql, const char *wanted, struct ep_error *error)
{
    char got[256];
    enum ep_status status = store_database_read(database, sql, got, sizeof got, error);
    if (status == EP_OK && strcmp(got, wanted) != 0) {
        status = ep_fail(error, EP_IO, "\"%s\": %s gave \"%s\", not \"%s\"",
                         sqlite3_db_filename(database, "main"), sql, got, wanted);
    }
    return status;
}

static enum ep_status check_pages(sqlite3 *database, struct ep_error *error)
{
    char got[256];
    enum ep_status status = store_database_read(database, "PRAGMA quick_check(1)", got, sizeof got, error);
    if (status == EP_OK && strcmp(got, "ok") != 0) {
        status = store_database_damaged(sqlite3_db_filename(database, "main"), got, error);
    }
    return status;
}

static enum ep_status set_up(sqlite3 *database, struct ep_error *error)
{
    /* A damaged file must not be touched, not even by the checkpoint that closing would do. */
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* Nobody else may open the file while we have it: two connections can destroy it in SQLite < 3.51.3. */
    enum ep_status status = demand(database, "PRAGMA locking_mode = EXCLUSIVE", "exclusive", error);
    if (status == EP_OK) {
        status =
            store_database_run(database, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;", error);
    }
    if (status == EP_OK) {
        status = check_pages(database, error);
    }
    if (status == EP_OK) {
        status = store_schema_check(database, error);
    }
    if (status == EP_OK) {
        status = demand(database, "PRAGMA journal_mode = WAL", "wal", error);
    }
    if (status == EP_OK) {
        status = store_database_run(database,
                                    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                                    "PRAGMA journal_size_limit = " LOG_BYTES_MOST ";",
                                    error);
    }
    if (status == EP_OK) {
        status = demand(database, "PRAGMA synchronous", "2", error);
    }
    if (status == EP_OK) {
        status = demand(database, "PRAGMA foreign_keys", "1", error);
    }
    return status == EP_OK ? store_schema_upgrade(database, error) : status;
}

enum ep_status store_database_open(const char *folder, sqlite3 **database, struct ep_error *error)
{
    *database = NULL;
    /* Debian's SQLite takes a name that starts with "file:" for a URI. */
    const char *start = folder[0] == '/' ? "" : "./";
    char *path = sqlite3_mprintf("%s%s/epochd.db", start, folder);
    char *log = sqlite3_mprintf("%s%s/epochd.db-wal", start, folder);
    enum ep_status status = path != NULL && log != NULL
                                ? find_or_make(folder, path, log, error)
                                : ep_fail(error, EP_NO_MEMORY, "not enough memory to open \"%s\"", folder);
    if (status == EP_OK) {
        status = connect_to(path, 0, database, error);
    }
    if (status == EP_OK) {
        status = set_up(*database, error);
        if (status != EP_OK) {
            sqlite3_close(*database);
            *database = NULL;
        }
    }
    sqlite3_free(path);
    sqlite3_free(log);
    return status;
}

void store_database_close(sqlite3 *database)
{
    if (database != NULL) {
        /* If this fails, the log stays and the next opening reads it. */
        sqlite3_exec(database, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
        sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
        sqlite3_close(database);
    }
}
