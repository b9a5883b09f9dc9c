package redis

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// seals seal texts, and open them. Each session has a key of its own, derived
// from the program's, so that random nonces do not run out: AES-GCM bears 2^32
// of a key. See https://doi.org/10.6028/NIST.SP.800-38D section 8.3 and
// https://www.rfc-editor.org/rfc/rfc5869.
type seals [][]byte

// version begins what is sealed, and says how.
const version = 1

const keyBytes = 32

func newSeals(keys [][]byte) (seals, error) {
	if len(keys) == 0 {
		return nil, invalid("Keys are missing")
	}
	var s seals
	for i, key := range keys {
		if len(key) != keyBytes {
			return nil, invalid(fmt.Sprintf("Keys[%d] has %d bytes instead of %d", i, len(key), keyBytes))
		}
		s = append(s, append([]byte(nil), key...))
	}
	return s, nil
}

func derive(key []byte, name string) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "onerefresh record "+name, keyBytes)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal returns what can be opened under the same name alone.
func (s seals) seal(name, text string) (string, error) {
	aead, err := derive(s[0], name)
	if err != nil {
		return "", err
	}
	return string(aead.Seal([]byte{version}, nil, []byte(text), []byte(name))), nil
}

// open returns ok false if none of the keys has sealed it under that name.
func (s seals) open(name, sealed string) (text string, ok bool) {
	if len(sealed) == 0 || sealed[0] != version {
		return "", false
	}
	for _, key := range s {
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
