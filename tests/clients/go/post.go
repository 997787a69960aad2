// net/http alone: a whole answer with http.Post, and a stream read line by line.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
)

type request struct {
	Model   string         `json:"model"`
	Prompt  string         `json:"prompt"`
	Stream  bool           `json:"stream"`
	Options map[string]any `json:"options"`
}

type answer struct {
	Response string `json:"response"`
	Done     bool   `json:"done"`
}

func main() {
	url, model := os.Args[1], os.Args[2]
	for _, stream := range []bool{false, true} {
		text, done := ask(url, model, stream)
		if !done || !strings.Contains(text, "scatter") {
			log.Fatalf("stream %v: done %v, %q", stream, done, text)
		}
	}
}

func ask(url, model string, stream bool) (text string, done bool) {
	body, err := json.Marshal(request{
		Model:   model,
		Prompt:  "Why is the sky blue?",
		Stream:  stream,
		Options: map[string]any{"num_predict": 100},
	})
	if err != nil {
		log.Fatal(err)
	}
	response, err := http.Post(url+"/api/generate", "application/json", bytes.NewBuffer(body))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var frame answer
		if err := json.Unmarshal(lines.Bytes(), &frame); err != nil {
			log.Fatal(err)
		}
		text += frame.Response
		done = frame.Done
	}
	return text, done
}
