package tokenlog

import (
	"strings"

	"github.com/onerefresh/onerefresh/internal/jsontext"
)

// A field is something that a record tells, whatever it calls it.
type field uint8

const (
	fTime field = iota + 1
	fClient
	fSession
	fUser
	fAddress
	fAgent
	fError
	fText
	fStatus
	fCode // of an error, or of HTTP
	fPath
	fLine // a request line
	fMethod
	fGrantType
	fEvent
	fResult
	fRequest
	nFields
)

type fields [nFields]string

// names are those that loggers, proxies and servers give to fields, in lower
// case and without punctuation. A member of an object is looked for with the
// name of the object before it, and then without.
var names = map[string]field{
	"time": fTime, "timestamp": fTime, "ts": fTime, "date": fTime, "datetime": fTime, "eventtime": fTime, "createdat": fTime,
	"starttime": fTime, "logtime": fTime, "receivedat": fTime, "asctime": fTime, "timelocal": fTime, "timeiso8601": fTime, "msec": fTime,
	"clientid": fClient, "client": fClient, "azp": fClient, "appid": fClient, "applicationid": fClient, "oauthclientid": fClient,
	"sid": fSession, "sessionid": fSession, "session": fSession, "familyid": fSession, "family": fSession, "tokenfamily": fSession, "grantid": fSession,
	"userid": fUser, "user": fUser, "username": fUser, "sub": fUser, "subject": fUser, "usrid": fUser, "uid": fUser, "account": fUser,
	"accountid": fUser, "login": fUser, "principal": fUser, "email": fUser, "remoteuser": fUser,
	"ip": fAddress, "ipaddress": fAddress, "clientip": fAddress, "remoteaddr": fAddress, "remoteip": fAddress, "remotehost": fAddress,
	"sourceip": fAddress, "xforwardedfor": fAddress, "xrealip": fAddress, "realip": fAddress, "clientaddress": fAddress, "remote": fAddress,
	"useragent": fAgent, "httpuseragent": fAgent, "useragentoriginal": fAgent,
	"error": fError, "errorcode": fError, "oautherror": fError, "err": fError, "errortype": fError, "exception": fError,
	"errordescription": fText, "errormessage": fText, "message": fText, "msg": fText, "description": fText, "detail": fText, "reason": fText,
	"status": fStatus, "statuscode": fStatus, "httpstatus": fStatus, "responsestatus": fStatus, "responsecode": fStatus,
	"code": fCode,
	"path": fPath, "uri": fPath, "url": fPath, "requesturi": fPath, "requestpath": fPath, "requesturl": fPath, "httptarget": fPath, "endpoint": fPath,
	"request": fLine,
	"method":  fMethod, "httpmethod": fMethod, "requestmethod": fMethod,
	"granttype": fGrantType,
	"event":     fEvent, "eventtype": fEvent, "eventname": fEvent, "type": fEvent, "action": fEvent, "operation": fEvent,
	"outcome": fResult, "result": fResult, "success": fResult,
	"requestid": fRequest, "reqid": fRequest, "transactionid": fRequest,
}

const longestName = 40

// look returns the field of that name, or 0.
func look(parent, name string) field {
	var buffer [2 * longestName]byte
	if f := names[string(plain(plain(buffer[:0], parent), name))]; f != 0 {
		return f
	}
	return names[string(plain(buffer[:0], name))]
}

func plain(to []byte, name string) []byte {
	for i := 0; i < len(name) && len(to) < 2*longestName; i++ {
		switch c := name[i]; {
		case 'A' <= c && c <= 'Z':
			to = append(to, c+'a'-'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			to = append(to, c)
		}
	}
	return to
}

// set keeps the first value of a field. Several texts are put together.
func (f *fields) set(id field, value string) {
	switch {
	case id == 0 || value == "" || value == "-" || value == "null":
	case f[id] == "":
		f[id] = value
	case id == fText && len(f[id]) < 1000:
		f[id] += " " + value
	}
}

const deepest = 4

// read takes what the members of an object tell, and then those of the objects
// in it.
func (f *fields) read(parent string, members []jsontext.Member, depth int) {
	nested := false
	for _, m := range members {
		switch m.Value[0] {
		case '{':
			nested = true
		case '[':
		case '"':
			if id := look(parent, m.Name); id != 0 {
				text, _ := m.Value.Text()
				f.set(id, text)
			}
		default:
			f.set(look(parent, m.Name), string(m.Value))
		}
	}
	if !nested || depth == deepest {
		return
	}
	for _, m := range members {
		if inner, ok := m.Value.Members(); ok {
			f.read(m.Name, inner, depth+1)
		}
	}
}

// pairs takes what key=value and key="value" in a text tell.
func (f *fields) pairs(text string) {
	for {
		equals := strings.IndexByte(text, '=')
		if equals < 0 {
			return
		}
		begin := equals
		for begin > 0 && isName(text[begin-1]) {
			begin--
		}
		name, rest := text[begin:equals], text[equals+1:]
		var value string
		if rest != "" && rest[0] == '"' {
			value, rest = quoted(rest[1:])
		} else {
			end := strings.IndexAny(rest, " ,;\t)]}&")
			if end < 0 {
				end = len(rest)
			}
			value, rest = rest[:end], rest[end:]
		}
		f.set(look("", name), value)
		text = rest
	}
}

func isName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-' || c == '@'
}

// quoted returns what comes before the next quote, and after it.
func quoted(text string) (value, rest string) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return strings.ReplaceAll(text[:i], `\"`, `"`), text[i+1:]
		}
	}
	return text, ""
}
