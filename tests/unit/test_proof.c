/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proofs: known ones, computed with another program, and that none of them holds where anything
 * else is at stake.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/proof.h"

/* The key is the bytes 50 to 81; the fingerprints stand for the bytes 0 to 31 and 100 to 131, and
 * the exporter is 200 to 231. */
static const char dialer[] = "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq";
static const char listener[] = "mrswmz3infvgw3dnnzxxa4lson2hk5txpb4xu634pv7h7aebqkbq";
static const char *const known[PROOF_KINDS][PROOF_ROLES] = {
    [PROOF_GROUP] =
        {
            [PROOF_DIAL] = "olwvlonvw2t2ws3j3gvh5xt645ff67z3wgi5fjc35xai5kabcwhq",
            [PROOF_ANSWER] = "cpnyzuijdbmsjdlws56h62ahj7rqlbtyxscv3eykg5s5f5ohjb5q",
        },
    [PROOF_INVITATION] =
        {
            [PROOF_DIAL] = "uhr2gyohp3phcriekllwlv7zwgr75g4aoielx4d5rc556uh5tyqa",
            [PROOF_ANSWER] = "pxsayrpnez7fqt5ocakzkryi4aha2kk4tuhocgvmgwavzyrvl6xq",
        },
};

struct stake {
    unsigned char key[PROOF_KEY_BYTES];
    struct proof_binding binding;
};

static void set_stake(struct stake *stake)
{
    for (int i = 0; i < PROOF_KEY_BYTES; i++)
        stake->key[i] = (unsigned char)(50 + i);
    for (int i = 0; i < PROOF_EXPORTER_BYTES; i++)
        stake->binding.exporter[i] = (unsigned char)(200 + i);
    memcpy(stake->binding.dialer, dialer, sizeof dialer);
    memcpy(stake->binding.listener, listener, sizeof listener);
}

static bool holds(const struct stake *stake, const char *proof)
{
    return proof_holds(stake->key, PROOF_GROUP, PROOF_DIAL, &stake->binding, proof);
}

static void known_proofs(void **state)
{
    struct stake stake;
    char proof[PROOF_TEXT];

    (void)state;
    set_stake(&stake);
    for (enum proof_kind kind = PROOF_GROUP; kind < PROOF_KINDS; kind++)
        for (enum proof_role role = PROOF_DIAL; role < PROOF_ROLES; role++) {
            proof_make(stake.key, kind, role, &stake.binding, proof);
            assert_string_equal(proof, known[kind][role]);
        }
}

/* The four proofs of one connection and key are no good for each other. */
static void of_another_kind_or_direction(void **state)
{
    struct stake stake;

    (void)state;
    set_stake(&stake);
    for (int of = 0; of < PROOF_KINDS * PROOF_ROLES; of++)
        for (int as = 0; as < PROOF_KINDS * PROOF_ROLES; as++)
            assert_int_equal(proof_holds(stake.key, as / PROOF_ROLES, as % PROOF_ROLES,
                                         &stake.binding, known[of / PROOF_ROLES][of % PROOF_ROLES]),
                             of == as);
}

static void of_another_key_or_connection(void **state)
{
    const char *proof = known[PROOF_GROUP][PROOF_DIAL];
    struct stake stake, other;

    (void)state;
    set_stake(&stake);
    assert_true(holds(&stake, proof));
    for (int bit = 0; bit < 8 * PROOF_KEY_BYTES; bit++) {
        other = stake;
        other.key[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(holds(&other, proof));
        other = stake;
        other.binding.exporter[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(holds(&other, proof));
    }
    for (int i = 0; i < FINGERPRINT_CHARS - 1; i++) {
        other = stake;
        other.binding.dialer[i] = other.binding.dialer[i] == 'a' ? 'b' : 'a';
        assert_false(holds(&other, proof));
        other = stake;
        other.binding.listener[i] = other.binding.listener[i] == 'a' ? 'b' : 'a';
        assert_false(holds(&other, proof));
    }
    memcpy(other.binding.dialer, listener, sizeof listener);
    memcpy(other.binding.listener, dialer, sizeof dialer);
    assert_false(holds(&other, proof));
}

static void what_is_no_proof(void **state)
{
    static const char *const proofs[] = {
        "",
        "o",
        "olwvlonvw2t2ws3j3gvh5xt645ff67z3wgi5fjc35xai5kabcwh",
        "olwvlonvw2t2ws3j3gvh5xt645ff67z3wgi5fjc35xai5kabcwhr", /* bits that nothing stands for */
        "olwvlonvw2t2ws3j3gvh5xt645ff67z3wgi5fjc35xai5kabcwhqa",
        "OLWVLONVW2T2WS3J3GVH5XT645FF67Z3WGI5FJC35XAI5KABCWHQ",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    char proof[PROOF_TEXT];
    struct stake stake;

    (void)state;
    set_stake(&stake);
    for (size_t i = 0; i < sizeof proofs / sizeof proofs[0]; i++)
        assert_false(holds(&stake, proofs[i]));
    for (int i = 0; i < PROOF_TEXT - 1; i++) {
        memcpy(proof, known[PROOF_GROUP][PROOF_DIAL], sizeof proof);
        proof[i] = proof[i] == 'q' ? 'a' : 'q';
        assert_false(holds(&stake, proof));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_proofs),
        cmocka_unit_test(of_another_kind_or_direction),
        cmocka_unit_test(of_another_key_or_connection),
        cmocka_unit_test(what_is_no_proof),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
