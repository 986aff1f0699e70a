/*
 * block.c -- a permutation of 16 bytes, over libcrypto.
 *
 * Runs on: any thread, one at a time for each struct block.
 */
#include "base/block.h"

#include "base/mem.h"

#include <assert.h>
#include <openssl/evp.h>

struct block {
	EVP_CIPHER_CTX *encrypt, *decrypt;
};

static EVP_CIPHER_CTX *
context(const uint8_t *key, int encrypt)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int ok = c && EVP_CipherInit_ex(c, EVP_aes_128_ecb(), NULL, key, NULL, encrypt) == 1 &&
		 EVP_CIPHER_CTX_set_padding(c, 0) == 1;

	assert(ok);
	return c;
}

struct block *
block_new(const uint8_t key[BLOCK_SIZE])
{
	struct block *b = MEM_NEW(struct block);

	b->encrypt = context(key, 1);
	b->decrypt = context(key, 0);
	return b;
}

void
block_free(struct block **bp)
{
	struct block *b = *bp;

	if (!b)
		return;
	EVP_CIPHER_CTX_free(b->encrypt);
	EVP_CIPHER_CTX_free(b->decrypt);
	mem_free(bp);
}

static void
update(EVP_CIPHER_CTX *c, const uint8_t *in, uint8_t *out)
{
	int n = 0, ok = EVP_CipherUpdate(c, out, &n, in, BLOCK_SIZE);

	assert(ok == 1 && n == BLOCK_SIZE);
}

void
block_encrypt(struct block *b, const uint8_t in[BLOCK_SIZE], uint8_t out[BLOCK_SIZE])
{
	update(b->encrypt, in, out);
}

void
block_decrypt(struct block *b, const uint8_t in[BLOCK_SIZE], uint8_t out[BLOCK_SIZE])
{
	update(b->decrypt, in, out);
}
