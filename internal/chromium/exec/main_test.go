//go:build !(js && wasm)

package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build builds exec, and the program that it is to run.
func build(t *testing.T) (run, program string) {
	t.Helper()
	folder := t.TempDir()
	run, program = filepath.Join(folder, "run.exe"), filepath.Join(folder, "program.wasm")
	for _, c := range []struct {
		output, source string
		env            []string
	}{
		{run, ".", nil},
		{program, "./testdata/program", []string{"GOOS=js", "GOARCH=wasm"}},
	} {
		cmd := exec.Command("go", "build", "-o", c.output, c.source)
		cmd.Env = append(os.Environ(), c.env...)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	return run, program
}

func TestExec(t *testing.T) {
	run, program := build(t)
	wrong := filepath.Join(t.TempDir(), "wrong.wasm")
	if err := os.WriteFile(wrong, []byte("this is not WebAssembly"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args           []string
		code           int
		stdout, stderr string // what the latter contains
	}{
		{[]string{program, "echo", "a b", "é"}, 0, "a b|é", "ONEREFRESH_TEST=value\n"},
		{[]string{"-origin=opaque", program, "echo", "a"}, 0, "a", ""},
		{[]string{"-origin=insecure", program, "echo", "a"}, 0, "a", ""},
		{[]string{program, "large"}, 0, strings.Repeat("é", 1<<20), ""},
		{[]string{program, "exit"}, 7, "", ""},
		{[]string{program, "panic"}, 2, "", "panic: failure"},
		{[]string{wrong}, 1, "", "exec: CompileError"},
		{[]string{filepath.Join(t.TempDir(), "none.wasm")}, 1, "", "exec: "},
		{[]string{"-origin=strange", program}, 1, "", "exec: "},
		{nil, 2, "", "usage: "},
	} {
		t.Run(strings.Join(append([]string{"exec"}, c.args...), " "), func(t *testing.T) {
			cmd := exec.Command(run, c.args...)
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			cmd.Env = append(os.Environ(), "ONEREFRESH_TEST=value", "OTHER_TEST=value")
			err := cmd.Run()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if stdout.String() != c.stdout {
				t.Errorf("standard output is %.100q", stdout.String())
			}
			if !strings.Contains(stderr.String(), c.stderr) || strings.Contains(stderr.String(), "OTHER_TEST") {
				t.Errorf("standard error is %.1000q", stderr.String())
			}
		})
	}
}

func TestExecInterrupted(t *testing.T) {
	run, program := build(t)
	temporary := t.TempDir()
	cmd := exec.Command(run, program, "wait")
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "waiting\n" {
		t.Errorf("got %q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	left, err := os.ReadDir(temporary)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s is left", entry.Name())
	}
}

func TestTimeout(t *testing.T) {
	for _, c := range []struct {
		argv string
		want time.Duration
	}{
		{"program", 0},
		{"program -test.v", 0},
		{"program -test.timeout=0", 0},
		{"program -test.timeout=-1s", 0},
		{"program -test.timeout=x", 0},
		{"program -test.v -test.timeout=1m0s", 70 * time.Second},
	} {
		if got := timeout(strings.Fields(c.argv)); got != c.want {
			t.Errorf("timeout(%s) = %v, want %v", c.argv, got, c.want)
		}
	}
}
