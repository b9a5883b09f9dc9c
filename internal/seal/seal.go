// Package seal seals records where others may come by what is stored.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/onerefresh/onerefresh"
)

// Keys seal texts, the first of them, and open them. Each name has a key of its
// own, derived from the program's, so that random nonces do not run out: AES-GCM
// bears 2^32 of a key. See https://doi.org/10.6028/NIST.SP.800-38D section 8.3
// and https://www.rfc-editor.org/rfc/rfc5869.
type Keys [][]byte

// String returns a text without key material.
func (Keys) String() string { return "seal.Keys(redacted)" }

// GoString returns a text without key material.
func (k Keys) GoString() string { return k.String() }

// version begins what is sealed, and says how.
const version = 1

// KeyBytes is the length of a key.
const KeyBytes = 32

// New returns copies of keys. The error is an [onerefresh.Error] with
// [onerefresh.CodeInvalidOptions].
func New(keys [][]byte) (Keys, error) {
	if len(keys) == 0 {
		return nil, invalid("there is no key to seal with")
	}
	var k Keys
	for i, key := range keys {
		if len(key) != KeyBytes {
			return nil, invalid(fmt.Sprintf("key %d has %d bytes instead of %d", i, len(key), KeyBytes))
		}
		k = append(k, append([]byte(nil), key...))
	}
	return k, nil
}

func invalid(message string) error {
	return &onerefresh.Error{Code: onerefresh.CodeInvalidOptions, Message: message}
}

func derive(key []byte, name string) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "onerefresh record "+name, KeyBytes)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal returns what can be opened under the same name alone.
func (k Keys) Seal(name, text string) (string, error) {
	aead, err := derive(k[0], name)
	if err != nil {
		return "", err
	}
	return string(aead.Seal([]byte{version}, nil, []byte(text), []byte(name))), nil
}

// Open returns ok false if none of the keys has sealed it under that name.
func (k Keys) Open(name, sealed string) (text string, ok bool) {
	if len(sealed) == 0 || sealed[0] != version {
		return "", false
	}
	for _, key := range k {
		aead, err := derive(key, name)
		if err != nil {
			return "", false
		}
		if opened, err := aead.Open(nil, nil, []byte(sealed[1:]), []byte(name)); err == nil {
			return string(opened), true
		}
	}
	return "", false
}
