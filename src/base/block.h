/*
 * block.h -- a permutation of 16 bytes that only who has the key can compute (AES-128).
 *
 * For opaque identifiers: what is one block long needs no mode of operation.
 *
 * Runs on: any thread, one at a time for each struct block.
 */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include <stdint.h>

#define BLOCK_SIZE 16

struct block;

struct block *block_new(const uint8_t key[BLOCK_SIZE]);
void block_free(struct block **b);
void block_encrypt(struct block *b, const uint8_t in[BLOCK_SIZE], uint8_t out[BLOCK_SIZE]);
void block_decrypt(struct block *b, const uint8_t in[BLOCK_SIZE], uint8_t out[BLOCK_SIZE]);

#endif
