package tokenlog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"

	"github.com/onerefresh/onerefresh/internal/jsontext"
)

// longestRecord bounds the memory that one takes. Longer ones are skipped.
const longestRecord = 1 << 20

// records splits what is read into lines, or, if it is an array or indented,
// into JSON objects.
type records struct {
	in      *bufio.Reader
	objects bool
	buffer  []byte // of objects

	count, skipped int64
}

// newRecords begins to read, and unpacks what was packed with gzip.
func newRecords(r io.Reader) (*records, error) {
	in := bufio.NewReaderSize(r, longestRecord)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReaderSize(unpacked, longestRecord)
	}
	head, err := in.Peek(64 << 10)
	if err != nil && err != io.EOF && len(head) == 0 {
		return nil, err
	}
	return &records{in: in, objects: isObjects(head)}, nil
}

// isObjects reports whether a text is JSON that has more than one line to an
// object, or an array around them.
func isObjects(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 {
		return false
	}
	if head[0] == '[' {
		rest := bytes.TrimLeft(head[1:], " \t\r\n")
		return len(rest) > 0 && (rest[0] == '{' || rest[0] == ']')
	}
	if head[0] != '{' {
		return false
	}
	line, _, more := bytes.Cut(head, []byte("\n"))
	_, err := jsontext.Parse(string(line))
	return more && err != nil
}

// next returns a record, which is good until the next call. The error is
// [io.EOF] at the end.
func (r *records) next() ([]byte, error) {
	for {
		record, err := r.line()
		if r.objects {
			record, err = r.object()
		}
		if err != nil {
			return nil, err
		}
		if len(record) > 0 {
			r.count++
			return record, nil
		}
	}
}

func (r *records) line() ([]byte, error) {
	if r.objects {
		return nil, nil
	}
	line, err := r.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		r.skipped++
		for err == bufio.ErrBufferFull {
			_, err = r.in.ReadSlice('\n')
		}
		line = nil
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	return bytes.TrimRight(line, "\r\n"), err
}

// object skips what is between objects, and returns the next one.
func (r *records) object() ([]byte, error) {
	r.buffer = r.buffer[:0]
	depth, inText, escaped := 0, false, false
	for {
		chunk, err := r.in.Peek(max(1, r.in.Buffered()))
		if len(chunk) == 0 {
			if err == io.EOF && depth > 0 {
				r.skipped++
			}
			return nil, err
		}
		if depth == 0 {
			begin := bytes.IndexByte(chunk, '{')
			if begin < 0 {
				r.in.Discard(len(chunk))
				continue
			}
			r.in.Discard(begin)
			chunk = chunk[begin:]
		}
		for i := range chunk {
			switch c := chunk[i]; {
			case escaped:
				escaped = false
			case inText:
				escaped, inText = c == '\\', c != '"'
			case c == '"':
				inText = true
			case c == '{', c == '[':
				depth++
			case c == '}', c == ']':
				if depth--; depth == 0 {
					r.buffer = append(r.buffer, chunk[:i+1]...)
					r.in.Discard(i + 1)
					return r.buffer, nil
				}
			}
		}
		r.buffer = append(r.buffer, chunk...)
		r.in.Discard(len(chunk))
		if len(r.buffer) > longestRecord {
			// An object that never ends was none: go on after this line.
			r.skipped++
			r.buffer = r.buffer[:0]
			depth, inText, escaped = 0, false, false
			if _, err := r.in.ReadSlice('\n'); err != nil && err != bufio.ErrBufferFull {
				return nil, err
			}
		}
	}
}

// object returns the length of the object that text begins with, or -1.
func object(text []byte) int {
	depth, inText := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
