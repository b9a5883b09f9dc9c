//go:build js && wasm

package stores

import (
	"context"
	"errors"

	"github.com/onerefresh/onerefresh/jsbridge"
)

// A connection is one to IndexedDB, or the attempt to get it.
type connection struct {
	opened chan struct{} // closed when it is known how the attempt ends

	// Written before opened is closed, and read only after.
	js  jsbridge.Value
	err error

	silent bool // somebody waited for opened in vain; guarded by database.mu
}

// connect returns the connection, and makes one if there is none. Only the
// first to find that there is no answer waits for it.
func (d *database) connect(ctx context.Context) (*connection, error) {
	d.mu.Lock()
	if d.conn == nil {
		conn := &connection{opened: make(chan struct{})}
		d.conn = conn
		go func() {
			conn.js, conn.err = openDatabase(func() { d.forget(conn) })
			close(conn.opened)
			if conn.err != nil {
				d.forget(conn)
			}
		}()
	}
	conn, silent := d.conn, d.conn.silent
	d.mu.Unlock()

	if silent {
		select {
		case <-conn.opened:
		default:
			return nil, &unusableError{errSilent}
		}
	} else if err := await(ctx, conn.opened); err != nil {
		d.mu.Lock()
		conn.silent = unusable(err)
		d.mu.Unlock()
		return nil, err
	}
	if conn.err != nil {
		return nil, &unusableError{conn.err}
	}
	return conn, nil
}

// forget sees to it that conn is not used any more.
func (d *database) forget(conn *connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == conn {
		d.conn = nil
	}
}

// openDatabase returns when the browser has answered, which may be never. It
// calls gone when the connection ends.
func openDatabase(gone func()) (jsbridge.Value, error) {
	factory, err := jsbridge.Global().Get("indexedDB")
	if err != nil {
		return jsbridge.Value{}, err
	}
	if !factory.IsObject() {
		return jsbridge.Value{}, errors.ErrUnsupported
	}
	// In whichever version there is. A new database is of version 1.
	request, err := factory.Call("open", "onerefresh")
	if err != nil {
		return jsbridge.Value{}, err
	}
	answered := make(chan struct{})
	var refused error
	for event, f := range map[string]func(){
		"onupgradeneeded": func() {
			if db, err := request.Get("result"); err == nil {
				db.Call("createObjectStore", generationsName)
			}
		},
		"onsuccess": func() { close(answered) },
		"onerror": func() {
			refused = reason(request)
			close(answered)
		},
	} {
		fn := on(request, event, f)
		defer fn.Release()
	}
	if <-answered; refused != nil {
		return jsbridge.Value{}, refused
	}
	db, err := request.Get("result")
	if err != nil {
		return jsbridge.Value{}, err
	}
	end := func() {
		db.Call("close")
		gone()
	}
	on(db, "onversionchange", end) // somebody wants to delete it, and waits
	on(db, "onclose", gone)        // the browser has deleted it
	return db, nil
}

// on has f called at an event.
func on(target jsbridge.Value, event string, f func()) jsbridge.Func {
	fn := jsbridge.FuncOf(func([]jsbridge.Value) any {
		f()
		return nil
	})
	target.Set(event, fn)
	return fn
}

// reason returns the property error of a request or a transaction.
func reason(v jsbridge.Value) error {
	thrown, err := v.Get("error")
	if err != nil {
		return err
	}
	name, _ := thrown.Get("name")
	message, _ := thrown.Get("message")
	e := &jsbridge.Exception{Value: thrown}
	e.Name, _ = name.Text()
	e.Message, _ = message.Text()
	return e
}
