package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/ory/fosite"
	"github.com/ory/fosite/storage"
)

// A record is a call of the storage, or the refusal that came of it.
type record struct {
	Event string `json:"event"`
	Grant string `json:"grant,omitempty"` // the ID of the request that all tokens of a sign-in descend from
	Error string `json:"error,omitempty"`
}

// A store is fosite's, which takes down what is asked of it. RotateRefreshToken
// has no grace period: fosite leaves that to whoever has a storage of his own.
type store struct {
	*storage.MemoryStore

	mu           sync.Mutex
	records      []record
	accessTokens map[string]bool // signatures
}

func newStore(client fosite.Client) *store {
	s := &store{MemoryStore: storage.NewMemoryStore(), accessTokens: make(map[string]bool)}
	s.Clients[client.GetID()] = client
	return s
}

func (s *store) record(r record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, r)
}

func (s *store) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	json.NewEncoder(w).Encode(slices.Concat([]record{}, s.records))
}

// expire ends all access tokens.
func (s *store) expire(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	signatures := slices.Collect(maps.Keys(s.accessTokens))
	s.mu.Unlock()
	for _, signature := range signatures {
		s.DeleteAccessTokenSession(r.Context(), signature)
	}
}

func (s *store) CreateAccessTokenSession(ctx context.Context, signature string, request fosite.Requester) error {
	s.mu.Lock()
	s.accessTokens[signature] = true
	s.mu.Unlock()
	return s.MemoryStore.CreateAccessTokenSession(ctx, signature, request)
}

func (s *store) RotateRefreshToken(ctx context.Context, requestID, signature string) error {
	s.record(record{Event: "RotateRefreshToken", Grant: requestID})
	return s.MemoryStore.RotateRefreshToken(ctx, requestID, signature)
}

func (s *store) RevokeRefreshToken(ctx context.Context, requestID string) error {
	s.record(record{Event: "RevokeRefreshToken", Grant: requestID})
	return s.MemoryStore.RevokeRefreshToken(ctx, requestID)
}
