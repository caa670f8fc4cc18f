package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UsageTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''                              | oft       | no command given
          mrge                            | oft       | unknown command 'mrge'; did you mean 'merge'?
          --verson                        | oft       | unknown option: '--verson'; did you mean '--version'?
          merge                           | oft merge | missing BASE
          merge a                         | oft merge | missing ADAPTER... OUT
          merge a b                       | oft merge | missing ADAPTER... OUT
          merge a b c --vefy              | oft merge | unknown option: '--vefy'; did you mean '--verify'?
          merge a b c --threads x         | oft merge | '--threads': 'x' is not an int
          merge a b c --threads 0         | oft merge | --threads is 0: give 1 or more
          merge a b c --dtype int8        | oft merge | 'int8' is none of float16, bfloat16, float32, float64
          merge a b c --dtype             | oft merge | missing required parameter for option '--dtype' (TYPE)
          merge a b c --max-shard-size 5X | oft merge | '5X' is not a size: write it like 5GB, 500MB, 2.5GiB
          merge a b c --safe --safe       | oft merge | option '--safe' should be specified only once
          train                           | oft train | missing MODEL.pt
          train a b c --optimizer adamx   | oft train | 'adamx' is none of adamw, adam, sgd, adagrad, rmsprop
          train a b c --loss l1           | oft train | 'l1' is none of cross-entropy, mse, cosine
          train a b c --input-dtype f     | oft train | 'f' is no type: try float32 or int64
          train a b c --epochs 1 --steps 1 | oft train | --epochs and --steps exclude each other
          train a b c --batch-size 0      | oft train | --batch-size is 0: give 1 or more
          train a b c --warmup 1.5        | oft train | --warmup is 1.5: give whole steps, or a share below 1
          train a b c --patience 2        | oft train | --patience and --eval-every need --eval
          train a b c --eval d --eval-fraction 0.1 | oft train | --eval and --eval-fraction exclude
          train a b c --eval-fraction 1   | oft train | --eval-fraction is 1.0: give a number between 0 and 1
          info                            | oft info  | missing PATH
          info a b                        | oft info  | unmatched argument at index 2: 'b'
          check a                         | oft check | missing ADAPTER
          check a b --max-orthogonality-error x | oft check | 'x' is not a double
          convert a b                     | oft convert | missing required option: '--to=FORMAT'
          convert a b --to peff           | oft convert | 'peff' is none of peft, peft-0.15, lycoris, lora, full
          convert a b --to peft --formula x | oft convert | 'x' is none of cayley, cayley-neumann
          blend a                         | oft blend | missing ADAPTER[:WEIGHT]... OUT
          blend a b --rule x              | oft blend | 'x' is none of group, ortho-merge
          extract a b                     | oft extract | missing OUT
          extract a b c --r 2 --oft_block_size 4 | oft extract | --oft_block_size=B, --r=R are mutually exclusive
          bench mrge                      | oft bench | 'mrge' is none of merge, cayley, forward, train, job, unet, startup, all
          bench --pear x                  | oft bench | unknown option: '--pear'; did you mean '--peer'?
          bench --runs 0                  | oft bench | --runs is 0: give 1 or more
          bench --compare a b --runs 3    | oft bench | --compare measures nothing
          bench --compare a b --tolerance -1 | oft bench | --tolerance is -1.0: give 0 or more
          bench --tolerance 0.2           | oft bench | --tolerance needs --compare
          """)
  void wrongWordsAreOneLineAndExitCode2(String line, String command, String message) {
    CliRun run = CliRun.of((Object[]) words(line)).expect(ExitCode.USAGE);
    String failure = run.failure(command);
    assertTrue(failure.contains(message), failure);
    assertTrue(failure.endsWith("(see '" + command + " --help')"), failure);
    assertEquals("", run.out());
  }

  @Test
  void wrongWordsWithJsonAreADocumentToo() {
    CliRun run = CliRun.of("merge", "a", "--json").expect(ExitCode.USAGE);
    var error = run.json().path("error");
    assertEquals("oft merge", error.path("command").asText());
    assertEquals("usage", error.path("kind").asText());
    assertEquals(2, error.path("exit_code").asInt());
    assertEquals(run.failure("oft merge"), error.path("message").asText());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"--help", "help", "merge --help", "help merge", "check -h", "info -h", "train -h"})
  void helpGoesToStdout(String line) {
    CliRun run = CliRun.of((Object[]) words(line)).expect(ExitCode.DONE);
    assertTrue(run.out().startsWith("Usage: oft"), run.out());
    assertEquals("", run.err());
  }

  @Test
  void helpTellsTheExitCodes() {
    assertTrue(CliRun.of("--help").out().contains("2 usage, 3 bad input, 4 I/O, 5 internal"));
  }

  @Test
  void debugPrintsATrace() {
    CliRun run = CliRun.of("merge", "a", "--debug").expect(ExitCode.USAGE);
    assertTrue(run.err().contains("\tat "), run.err());
  }

  private static String[] words(String line) {
    return line.isEmpty() ? new String[0] : line.split(" ");
  }
}
