//go:build js && wasm

// Tab hands a record over from tab to tab for the tests of package handoff. It
// gives its page two functions, and runs until the page goes.
package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/jsbridge"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

const key = "handoff"

func main() {
	ctx := context.Background()
	local, err := stores.LocalStorage(key)
	byName := map[string]onerefresh.Store{"stores": local, "plain": plain{local}}

	// goHold(store, id, before, after) takes the lock, reads, awaits before, swaps,
	// and calls after while it still holds the lock.
	export("goHold", func(args []jsbridge.Value) (any, error) {
		if len(args) != 4 {
			return nil, errors.New("goHold(store, id, before, after)")
		}
		store, _ := args[0].Text()
		id, _ := args[1].Text()
		return hold(ctx, byName[store], id, args[2], args[3])
	})

	// goAttempt() does without a lock, and tells what it relies on.
	export("goAttempt", func([]jsbridge.Value) (any, error) {
		if err != nil {
			return nil, err
		}
		rec, err := local.Load(ctx)
		if err != nil {
			return nil, err
		}
		next := onerefresh.Record{Generation: rec.Generation + 1, Writer: "attempt"}
		if err := local.CompareAndSwap(ctx, rec, next); err != nil {
			return nil, err
		}
		if rec, err = local.Load(ctx); err != nil {
			return nil, err
		}
		return map[string]any{"generation": float64(rec.Generation), "coherent": local.Coherent()}, nil
	})
	select {}
}

func export(name string, f func(args []jsbridge.Value) (any, error)) {
	jsbridge.Global().Set(name, jsbridge.AsyncFuncOf(f))
}

func hold(ctx context.Context, store onerefresh.Store, id string, before, after jsbridge.Value) (any, error) {
	locker, err := locks.Web()
	if err != nil {
		return nil, err
	}
	_, unlock, err := locker.Lock(ctx, key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	begin := time.Now()
	read := store.Load
	if peeks(id) {
		read = func(context.Context) (onerefresh.Record, error) { return store.Peek() }
	}
	rec, err := read(ctx)
	if err != nil {
		return nil, err
	}
	took := time.Since(begin)
	if before.IsFunction() {
		ready, err := before.Invoke()
		if err == nil {
			_, err = jsbridge.Await(ctx, ready)
		}
		if err != nil {
			return nil, err
		}
	}
	begin = time.Now()
	for {
		next := onerefresh.Record{Generation: rec.Generation + 1, Writer: id}
		err := store.CompareAndSwap(ctx, rec, next)
		if err == nil {
			break
		}
		if err != onerefresh.ErrConflict || !peeks(id) {
			return nil, err
		}
		if rec, err = store.Load(ctx); err != nil {
			return nil, err
		}
	}
	took += time.Since(begin)
	if after.IsFunction() {
		if _, err := after.Invoke(); err != nil {
			return nil, err
		}
	}
	return map[string]any{"read": rec.Writer, "wrote": id, "held": float64(took.Microseconds()) / 1000}, nil
}

// peeks reports whether a holder reads as [onerefresh.Session] does: it takes
// what it sees without waiting, and loads if the swap shows that this was old.
// Every second one does.
func peeks(id string) bool { return (id[len(id)-1]-'0')%2 == 1 }

// plain is localStorage as the page sees it: the negative control.
type plain struct{ *stores.LocalStorageStore }

func (s plain) Load(context.Context) (onerefresh.Record, error) { return s.Peek() }

func (s plain) CompareAndSwap(_ context.Context, old, new onerefresh.Record) error {
	rec, err := s.Peek()
	if err != nil {
		return err
	}
	if rec.Generation != old.Generation {
		return onerefresh.ErrConflict
	}
	storage, err := jsbridge.Global().Get("localStorage")
	if err != nil {
		return err
	}
	_, err = storage.Call("setItem", key, `{"v":1,"generation":`+strconv.FormatUint(new.Generation, 10)+`,"writer":"`+new.Writer+`"}`)
	return err
}
