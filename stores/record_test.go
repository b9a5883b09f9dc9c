package stores

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/onerefresh/onerefresh"
)

var whole = onerefresh.Record{
	Generation: 7, Writer: "w", Epoch: 3,
	Token: onerefresh.Token{
		AccessToken: "a", TokenType: "Bearer", RefreshToken: "r", Scope: "openid é", IDToken: "i",
		Extra:    map[string]string{"patient": `"p"`, "list": `[1,{"a":null}]`},
		Received: time.UnixMilli(1_000), Expiry: time.UnixMilli(2_000),
	},
	Attempt:  onerefresh.Attempt{At: time.UnixMilli(3_000), By: "b", Count: 1},
	Cooldown: onerefresh.Cooldown{At: time.UnixMilli(4_000), For: time.Second, Failures: 2, Code: onerefresh.CodeMisconfigured, Reason: "\"quoted\"\n"},
	Ended:    onerefresh.Ended{Reason: "invalid_grant", Description: "d", AnswerLost: true},
}

// The loader and other code read this text: the format is fixed.
const wholeText = `{"v":1,"generation":7,"writer":"w","epoch":3,"access_token":"a","token_type":"Bearer","refresh_token":"r",` +
	`"scope":"openid é","id_token":"i","received_at":1000,"expires_at":2000,"extra":{"list":[1,{"a":null}],"patient":"p"},` +
	`"attempt":{"at":3000,"by":"b","count":1},"cooldown":{"at":4000,"for":1000,"failures":2,"code":"misconfigured","reason":"\"quoted\"\u000a"},` +
	`"ended":{"reason":"invalid_grant","description":"d","answer_lost":true}}`

func TestRecordText(t *testing.T) {
	text, err := Encode(whole)
	if err != nil || text != wholeText {
		t.Errorf("got %s, %v", text, err)
	}
	if rec, err := Decode("key", wholeText); err != nil || !reflect.DeepEqual(rec, whole) {
		t.Errorf("got %v, %v", rec, err)
	}
}

func TestRecordThatCannotBeRead(t *testing.T) {
	for text, field := range map[string]string{
		``:                                      "",
		`nonsense`:                              "",
		`null`:                                  "",
		`1`:                                     "",
		`[]`:                                    "",
		`"{}"`:                                  "",
		wholeText[:100]:                         "",
		`{}`:                                    "v",
		`{"v":0}`:                               "v",
		`{"v":2,"generation":1}`:                "v",
		`{"v":"1"}`:                             "v",
		`{"v":null}`:                            "v",
		`{"v":1,"generation":-1}`:               "generation",
		`{"v":1,"generation":"1"}`:              "generation",
		`{"v":1,"generation":1.5}`:              "generation",
		`{"v":1,"generation":1e300}`:            "generation",
		`{"v":1,"generation":9007199254740992}`: "generation",
		`{"v":1,"writer":1}`:                    "writer",
		`{"v":1,"epoch":[]}`:                    "epoch",
		`{"v":1,"access_token":1}`:              "access_token",
		`{"v":1,"token_type":{}}`:               "token_type",
		`{"v":1,"refresh_token":null}`:          "refresh_token",
		`{"v":1,"scope":["a"]}`:                 "scope",
		`{"v":1,"id_token":false}`:              "id_token",
		`{"v":1,"received_at":1.5}`:             "received_at",
		`{"v":1,"expires_at":"soon"}`:           "expires_at",
		`{"v":1,"extra":[]}`:                    "extra",
		`{"v":1,"extra":"{}"}`:                  "extra",
		`{"v":1,"attempt":1}`:                   "attempt",
		`{"v":1,"attempt":{"at":"x"}}`:          "attempt.at",
		`{"v":1,"attempt":{"by":1}}`:            "attempt.by",
		`{"v":1,"attempt":{"count":-1}}`:        "attempt.count",
		`{"v":1,"cooldown":null}`:               "cooldown",
		`{"v":1,"cooldown":{"at":true}}`:        "cooldown.at",
		`{"v":1,"cooldown":{"for":-1}}`:         "cooldown.for",
		`{"v":1,"cooldown":{"for":1e15}}`:       "cooldown.for",
		`{"v":1,"cooldown":{"failures":"2"}}`:   "cooldown.failures",
		`{"v":1,"cooldown":{"code":1}}`:         "cooldown.code",
		`{"v":1,"cooldown":{"reason":1}}`:       "cooldown.reason",
		`{"v":1,"ended":true}`:                  "ended",
		`{"v":1,"ended":{"reason":1}}`:          "ended.reason",
		`{"v":1,"ended":{"description":1}}`:     "ended.description",
		`{"v":1,"ended":{"answer_lost":1}}`:     "ended.answer_lost",
	} {
		_, err := Decode("key", text)
		var bad *onerefresh.RecordError
		if !errors.As(err, &bad) || bad.Field != field || bad.Where != "key" {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestExtraHasToBeJSON(t *testing.T) {
	_, err := Encode(onerefresh.Record{Token: onerefresh.Token{Extra: map[string]string{"x": `1,"access_token":"another"`}}})
	var bad *onerefresh.FieldError
	if !errors.As(err, &bad) || bad.Field != "x" {
		t.Errorf("got %v", err)
	}
}
