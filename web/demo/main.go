// Demo serves a page on which the race for a refresh token can be seen, with
// the authorization server that it needs. Run it in the root of the module:
//
//	go run ./web/demo
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
	"github.com/onerefresh/onerefresh/web/demo/site"
)

func main() {
	log.SetFlags(0)
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen at")
	dist := flag.String("dist", filepath.Join("web", "npm", "dist"), "`folder` of the built npm package")
	flag.Parse()

	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(*dist, "index.js")); err != nil {
		log.Printf("The npm package is not built, so that onerefresh itself cannot be chosen: %v\nRun make npm.", err)
	}
	auth := authserver.New(authserver.Settings{LatencyBefore: 50 * time.Millisecond})
	fmt.Printf("http://%s/\n", listener.Addr())
	log.Fatal(http.Serve(listener, site.Handler(auth, *dist)))
}
