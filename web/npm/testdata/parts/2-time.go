// And contexts with deadlines, which is most of what the algorithm is written in.
package main

import (
	"context"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, context.Canceled)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	<-ctx.Done()
}
