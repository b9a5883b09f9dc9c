// Program is run by the tests of exec.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	switch os.Args[1] {
	case "echo":
		fmt.Print(strings.Join(os.Args[2:], "|"))
		for _, variable := range os.Environ() {
			fmt.Fprintln(os.Stderr, variable)
		}
	case "large":
		fmt.Print(strings.Repeat("é", 1<<20))
	case "exit":
		os.Exit(7)
	case "panic":
		panic("failure")
	case "wait":
		fmt.Println("waiting")
		select {}
	}
}
