/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The peer directory: what is saved comes back, what others have put into the file does no harm.
 */
#include "config.h"

#include "store/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/records.h"
#include "wire/session.h"

enum { MOST_ROWS = 64 };

#define PEER "INSERT INTO peers (id, node, name, dialect, quiet, claimed, seen) VALUES "

static struct peer_row rows[MOST_ROWS];
static size_t row_count;

static void take_row(void *arg, const struct peer_row *row)
{
    assert_ptr_equal(arg, rows);
    assert_true(row_count < MOST_ROWS);
    rows[row_count++] = *row;
}

static void load(void)
{
    row_count = 0;
    peers_load(records, take_row, rows);
}

static struct address parse(const char *text)
{
    struct address a = {0};

    assert_true(address_parse(span_of(text), &a));
    return a;
}

static struct peer_row make_row(const char *name, const char *address)
{
    struct peer_row row = {.seen = 1, .dialect = DIALECT_SESSION};

    span_copy(span_of(name), row.name, sizeof row.name);
    row.addresses[0] = parse(address);
    row.address_count = 1;
    return row;
}

static void expect_same(const struct peer_row *a, const struct peer_row *b)
{
    assert_int_equal(a->id, b->id);
    assert_string_equal(a->node, b->node);
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->dialect, b->dialect);
    assert_int_equal(a->quiet, b->quiet);
    assert_int_equal(a->claimed, b->claimed);
    assert_int_equal(a->seen, b->seen);
    assert_int_equal(a->banned, b->banned);
    assert_true(a->boot == b->boot);
    assert_int_equal(a->address_count, b->address_count);
    for (size_t i = 0; i < a->address_count; i++)
        assert_true(address_equal(&a->addresses[i], &b->addresses[i]));
}

/* ---- what is saved comes back */

static void a_full_row_comes_back(void **state)
{
    (void)state;
    static const char *const texts[PEER_ADDRESSES] = {
        "10.0.0.2:7216",      "[2001:db8::1]:7216", "127.0.0.1:1", "[fe80::1%3]:65535",
        "255.255.255.255:80", "[::1]:7216",         "0.0.0.0:1",   "192.168.1.77:40000"};
    struct peer_row row = make_row("böb", texts[0]);

    memset(row.node, 'z', NODE_ID_MAX);
    row.quiet = row.claimed = row.banned = true;
    row.boot = UINT64_MAX;
    row.seen = INT64_C(1) << 40;
    for (row.address_count = 0; row.address_count < PEER_ADDRESSES; row.address_count++)
        row.addresses[row.address_count] = parse(texts[row.address_count]);
    peers_save(records, &row);
    assert_true(row.id > 0);
    records_reopen();
    load();
    assert_int_equal(row_count, 1);
    expect_same(&rows[0], &row);
}

static void rows_come_oldest_first(void **state)
{
    (void)state;
    struct peer_row saved[20];
    char address[32];

    for (int i = 0; i < 20; i++) {
        snprintf(address, sizeof address, "10.0.0.%d:7216", 100 - i);
        saved[i] = make_row("p", address);
        saved[i].seen = 100 - i;
        peers_save(records, &saved[i]);
    }
    saved[3].seen = 1000;
    peers_save(records, &saved[3]);
    records_reopen();
    load();
    assert_int_equal(row_count, 20);
    for (int i = 0; i < 20; i++)
        expect_same(&rows[i], &saved[i]);
}

static void saving_again_replaces(void **state)
{
    (void)state;
    struct peer_row row = make_row("bob", "10.0.0.2:7216");

    row.addresses[row.address_count++] = parse("10.0.0.3:7216");
    peers_save(records, &row);
    int64_t id = row.id;
    row = make_row("robert", "10.0.0.4:7216");
    row.id = id;
    row.quiet = true;
    peers_save(records, &row);
    assert_int_equal(row.id, id);
    records_reopen();
    load();
    assert_int_equal(row_count, 1);
    expect_same(&rows[0], &row);
    assert_int_equal(records_count("SELECT count(*) FROM addresses"), 1);
}

static void deleting_takes_the_addresses_along(void **state)
{
    (void)state;
    struct peer_row bob = make_row("bob", "10.0.0.2:7216");
    struct peer_row eve = make_row("eve", "10.0.0.3:7216");

    peers_save(records, &bob);
    peers_save(records, &eve);
    peers_delete(records, bob.id);
    peers_delete(records, 999);
    assert_true(database_commit(records));
    load();
    assert_int_equal(row_count, 1);
    expect_same(&rows[0], &eve);
    assert_int_equal(records_count("SELECT count(*) FROM addresses"), 1);
}

static void a_node_without_an_address_is_a_peer(void **state)
{
    (void)state;
    struct peer_row row = make_row("bob", "10.0.0.2:7216");

    row.address_count = 0;
    memcpy(row.node, "n0de", 5);
    peers_save(records, &row);
    load();
    assert_int_equal(row_count, 1);
    expect_same(&rows[0], &row);
}

static void text_is_only_text(void **state)
{
    (void)state;
    struct peer_row row = make_row("');DROPTABLEpeers;--", "10.0.0.2:7216");

    peers_save(records, &row);
    load();
    assert_string_equal(rows[0].name, "');DROPTABLEpeers;--");
}

/* The turn in which a peer got its id fails; the peer keeps the id and is saved later. */
static void a_lost_turn_never_gives_an_id_twice(void **state)
{
    (void)state;
    static const char bad[] = "INSERT INTO settings (key, value) VALUES ('x', NULL)";
    struct peer_row first = make_row("first", "10.0.0.1:7216");
    struct peer_row second = make_row("second", "10.0.0.2:7216");

    peers_save(records, &first);
    database_run(records, database_statement(records, bad, true));
    assert_false(database_commit(records));
    load();
    assert_int_equal(row_count, 0);
    peers_save(records, &second);
    assert_true(database_commit(records));
    peers_save(records, &first);
    assert_true(database_commit(records));
    load();
    assert_int_equal(row_count, 2);
    expect_same(&rows[0], &first);
    expect_same(&rows[1], &second);
}

/* ---- what does not make sense is left out */

static void rows_that_cannot_be_peers_are_skipped(void **state)
{
    (void)state;
    struct peer_row good = make_row("good", "10.0.0.9:7216");

    peers_save(records, &good);
    records_tamper(PEER
                   "(101, 'UPPER', 'a', 3, 0, 0, 0);" PEER
                   "(102, 'n' || x'00' || 'n', 'a', 3, 0, 0, 0);" PEER
                   "(103, printf('%.65c', 'a'), 'a', 3, 0, 0, 0);" PEER
                   "(104, 'node', 'a', 4, 0, 0, 0);" PEER "(105, 'node', 'a', -1, 0, 0, 0);" PEER
                   "(106, 'node', 'a', 3, 0, 0, -5);" PEER "(-107, 'node', 'a', 3, 0, 0, 0);" PEER
                   "(108, '', 'no address', 3, 0, 0, 0);" PEER "(109, '', 'a', 3, 0, 0, 0);"
                   "INSERT INTO addresses VALUES (109, 0, 'example.net:7216');" PEER
                   "(110, 'last', 'b', 3, 0, 0, 0);");
    load();
    assert_int_equal(row_count, 2);
    assert_string_equal(rows[0].name, "good");
    assert_string_equal(rows[1].node, "last");
    assert_int_equal(folder_log_lines, 0);
}

static void names_that_cannot_be_are_not_shown(void **state)
{
    (void)state;
    records_tamper(PEER "(1, 'a', 'two words', 3, 0, 0, 0);" PEER "(2, 'b', '', 3, 0, 0, 0);" PEER
                        "(3, 'c', '-', 3, 0, 0, 0);" PEER "(4, 'd', x'1b5b324a', 3, 0, 0, 0);" PEER
                        "(5, 'e', printf('%.65c', 'n'), 3, 0, 0, 0);" PEER
                        "(6, 'f', printf('%.64c', 'n'), 3, 7, 0, 0);");
    load();
    assert_int_equal(row_count, 6);
    for (int i = 0; i < 5; i++)
        assert_string_equal(rows[i].name, "-");
    assert_int_equal(strlen(rows[5].name), NAME_MAX_BYTES);
    assert_true(rows[5].quiet);
}

static void addresses_that_do_not_parse_are_skipped(void **state)
{
    (void)state;
    records_tamper(PEER "(1, 'a', 'bob', 3, 0, 0, 0);"
                        "INSERT INTO addresses VALUES (1, 0, '10.0.0.1');"
                        "INSERT INTO addresses VALUES (1, 1, '10.0.0.1:0');"
                        "INSERT INTO addresses VALUES (1, 2, '');"
                        "INSERT INTO addresses VALUES (1, 3, x'ff');"
                        "INSERT INTO addresses VALUES (1, 4, '10.0.0.4:4');"
                        "INSERT INTO addresses VALUES (1, -1, '[::5]:5');"
                        "INSERT INTO addresses VALUES (77, 0, '10.0.0.7:7');");
    for (int i = 10; i < 30; i++) {
        char *sql = alloc_print("INSERT INTO addresses VALUES (1, %d, '10.0.0.%d:1')", i, i);
        records_tamper(sql);
        free(sql);
    }
    load();
    struct address first = parse("[::5]:5"), second = parse("10.0.0.4:4");
    struct address last = parse("10.0.0.15:1");
    assert_int_equal(row_count, 1);
    assert_int_equal(rows[0].address_count, PEER_ADDRESSES);
    assert_true(address_equal(&rows[0].addresses[0], &first));
    assert_true(address_equal(&rows[0].addresses[1], &second));
    assert_true(address_equal(&rows[0].addresses[7], &last));
}

static void a_directory_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    records_tamper("DROP TABLE peers");
    load();
    assert_int_equal(row_count, 0);
    assert_int_equal(folder_log_lines, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, records_begin, records_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_row_comes_back),
        TEST(rows_come_oldest_first),
        TEST(saving_again_replaces),
        TEST(deleting_takes_the_addresses_along),
        TEST(a_node_without_an_address_is_a_peer),
        TEST(text_is_only_text),
        TEST(a_lost_turn_never_gives_an_id_twice),
        TEST(rows_that_cannot_be_peers_are_skipped),
        TEST(names_that_cannot_be_are_not_shown),
        TEST(addresses_that_do_not_parse_are_skipped),
        TEST(a_directory_that_cannot_be_read_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
