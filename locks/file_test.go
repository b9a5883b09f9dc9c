//go:build !(js && wasm)

package locks_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/locks/lockstest"
)

// holder is set for a process that locks "a" in the folder of that name, says
// so, and holds it until its standard input ends.
const holder = "ONEREFRESH_TEST_LOCK_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holder); dir != "" {
		l, err := locks.File(dir)
		if err == nil {
			_, _, err = l.Lock(context.Background(), "a")
		}
		fmt.Println("held", err)
		bufio.NewReader(os.Stdin).ReadByte()
		return
	}
	os.Exit(m.Run())
}

func openFile(t *testing.T, dir string) *locks.FileLocker {
	t.Helper()
	l, err := locks.File(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by File")
	lockstest.Run(t, func() onerefresh.Locker { return openFile(t, dir) })
}

func TestFileLockerInOneProcess(t *testing.T) {
	l := openFile(t, t.TempDir())
	lockstest.Run(t, func() onerefresh.Locker { return l })
}

func TestFileLockExcludesAnotherProcessUntilThatIsKilled(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), holder+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "held <nil>\n" {
		t.Fatalf("the other process says %q", line)
	}

	l := openFile(t, dir)
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := l.Lock(short, "a"); err != context.DeadlineExceeded {
		t.Errorf("error %v while another process holds the lock", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, _, err := l.Lock(ctx, "a"); err != nil {
		t.Errorf("error %v after the holder was killed", err)
	}
}

// A file that was removed is still locked by its holder, but nobody else finds
// it: those who had it open already must not go by it.
func TestFileLockHoldsForThoseWhoWaitedWhenTheFileWasRemoved(t *testing.T) {
	dir := t.TempDir()
	l := openFile(t, dir)
	_, unlock, err := l.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan func(), 2)
	wait := func() {
		if _, unlock, err := l.Lock(t.Context(), "a"); err != nil {
			t.Error(err)
		} else {
			got <- unlock
		}
	}
	go wait()
	time.Sleep(20 * time.Millisecond) // so that it may have the file open
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	if err := os.Remove(names[0]); err != nil {
		t.Skip(err) // Windows
	}
	go wait()
	first := <-got
	unlock()
	select {
	case <-got:
		t.Fatal("two hold the lock")
	case <-time.After(50 * time.Millisecond):
	}
	first()
	(<-got)()
}

func TestLockFilesStayInTheirFolder(t *testing.T) {
	dir := t.TempDir()
	l := openFile(t, filepath.Join(dir, "locks"))
	for _, name := range []string{"../a", "/etc/a", "a/b", `a\b`, "CON", "a:b", "a\x00b", "ä", strings.Repeat("x", 10_000), "", ".", ".."} {
		_, unlock, err := l.Lock(t.Context(), name)
		if err != nil {
			t.Errorf("%.20q: %v", name, err)
			continue
		}
		unlock()
	}
	entries, err := os.ReadDir(filepath.Join(dir, "locks"))
	if err != nil || len(entries) != 12 {
		t.Errorf("%d files, error %v", len(entries), err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || strings.ContainsAny(e.Name(), `/\:`) {
			t.Errorf("entry %q", e.Name())
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("there are %d entries beside the folder", len(entries)-1)
	}
}
