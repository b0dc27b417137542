"""Access tokens of RFC 7635, made here by libcrypto's AES-GCM and nothing of the server's."""
import ctypes
import ctypes.util
import os
import struct
import time

TAG_SIZE = 16
SET_TAG, GET_TAG = 0x11, 0x10


def seal_gcm(key, nonce, associated, plain):
    crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_gcm", "EVP_aes_256_gcm"):
        getattr(crypto, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    cipher = ctypes.c_void_p(crypto.EVP_aes_256_gcm() if len(key) == 32 else crypto.EVP_aes_128_gcm())
    out, tag = ctypes.create_string_buffer(len(plain) + 32), ctypes.create_string_buffer(TAG_SIZE)
    n = ctypes.c_int()
    done = (crypto.EVP_EncryptInit_ex(context, cipher, None, key, nonce) == 1
            and crypto.EVP_EncryptUpdate(context, None, ctypes.byref(n), associated, len(associated)) == 1
            and crypto.EVP_EncryptUpdate(context, out, ctypes.byref(n), plain, len(plain)) == 1
            and crypto.EVP_EncryptFinal_ex(context, None, ctypes.byref(n)) == 1
            and crypto.EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG_SIZE, tag) == 1)
    crypto.EVP_CIPHER_CTX_free(context)
    assert done
    return out.raw[:len(plain)] + tag.raw


def make(key, server_name, mac_key, lifetime_s=3600, made_s=None):
    """Section 6.2: nonce length and nonce, then what is sealed."""
    nonce = os.urandom(12)
    made = int((time.time() if made_s is None else made_s) * 65536)
    block = struct.pack("!H", len(mac_key)) + mac_key + struct.pack("!QI", made, lifetime_s)
    return struct.pack("!H", len(nonce)) + nonce + seal_gcm(key, nonce, server_name.encode(), block)
