package io.github.oft4j.cli;

import static io.github.oft4j.cli.TrainFixture.line;
import static io.github.oft4j.cli.TrainFixture.numbers;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Bad input of a training is one clear line, the right exit code, and nothing left behind. */
class BadTrainingInputTest {
  @TempDir Path folder;

  /** One thing wrong with a job. */
  record Case(String name, ExitCode exit, String message, Spoiler spoiler, String... options) {
    @Override
    public String toString() {
      return name;
    }
  }

  interface Spoiler {
    void spoil(TrainFixture job) throws IOException;
  }

  static Stream<Case> cases() {
    return Stream.of(lines(), tensors(), models()).flatMap(list -> list);
  }

  private static Case bad(String name, String message, Spoiler spoiler, String... options) {
    return new Case(name, ExitCode.BAD_INPUT, message, spoiler, options);
  }

  private static Case badLine(String name, String message, String line, String... options) {
    return bad(name, "data.jsonl line 5" + message, job -> job.replaceLine(5, line), options);
  }

  private static Stream<Case> lines() {
    return Stream.of(
        bad("no data", "data.jsonl: no such file", job -> Files.delete(job.data)),
        bad("empty data", "holds no example", job -> Files.writeString(job.data, "\n")),
        bad("not text", "is not UTF-8", job -> Files.write(job.data, new byte[] {-1, -2})),
        badLine("not JSON", " is not valid JSON", "{\"input\": [1, 2"),
        badLine("two documents", " is not valid JSON", line(numbers(16), "1") + " {}"),
        badLine("an array", " is no JSON object", "[1, 2]"),
        badLine(
            "no target",
            " lacks the field \"target\" (it has \"input\")",
            "{\"input\": " + numbers(16) + "}"),
        badLine("text", ", field \"input\" holds \"x\", which is no number", line("\"x\"", "1")),
        badLine("null", ", field \"target\" holds null", line(numbers(16), "null")),
        badLine(
            "too few numbers",
            ", field \"input\" has another shape than the 16 numbers of the first example",
            line(numbers(15), "1")),
        badLine(
            "nested numbers",
            ", field \"input\" has another shape",
            line("[" + numbers(16) + "]", "1")),
        badLine(
            "another form of input",
            " has \"input.x\", \"target\", the first example \"input\", \"target\"",
            line("{\"x\": " + numbers(16) + "}", "1")),
        badLine(
            "a class beyond the scores",
            ", field \"target\" is class 4, but the model gives scores of 4 classes",
            line(numbers(16), "4")),
        badLine("a negative class", ", field \"target\" is class -1", line(numbers(16), "-1")),
        bad(
            "classes that are no integers",
            "data.jsonl line 1, field \"target\" is float32: cross-entropy needs",
            job -> job.replaceLine(1, line(numbers(16), "0.5"))),
        bad(
            "all judged",
            "none is left to train on",
            job -> Files.writeString(job.data, line(numbers(16), "1")),
            "--eval-fraction",
            "0.5"),
        bad("no evaluation data", "other.jsonl: no such file", _ -> {}, "--eval", "other.jsonl"),
        bad("unknown fields", "lacks the field \"ids\"", _ -> {}, "--inputs", "ids"));
  }

  private static Stream<Case> tensors() {
    return Stream.of(
        bad("a short file", "has 3 bytes", job -> safetensors(job, new byte[3])),
        bad(
            "a header of nonsense",
            "not valid JSON",
            job -> safetensors(job, MergeFixture.safetensors("nonsense", new byte[0]))),
        bad(
            "an unknown tensor",
            "lacks the tensor \"targets\" (it has \"x\")",
            job -> tensor(job, "x", "F32", "[2, 16]", 128)),
        bad(
            "a truncated tensor",
            "tensor \"targets\" of shape [2,16] lies outside",
            job -> tensor(job, "targets", "F32", "[2, 16]", 100)),
        bad(
            "a type that cannot be read",
            "tensor \"targets\" is F8_E4M3: this command reads F64, F32",
            job -> tensor(job, "targets", "F8_E4M3", "[2, 16]", 32)),
        bad(
            "different numbers of examples",
            "holds 2 examples in tensor \"inputs\" and 1 in \"targets\"",
            job -> {
              String header =
                  """
                  {"inputs": {"dtype": "U8", "shape": [2, 16], "data_offsets": [0, 32]},
                   "targets": {"dtype": "U8", "shape": [1], "data_offsets": [32, 33]}}\
                  """;
              safetensors(job, MergeFixture.safetensors(header, new byte[33]));
            }));
  }

  private static Stream<Case> models() {
    return Stream.of(
        bad("no model", "nowhere.pt", job -> job.model = job.folder.resolve("nowhere.pt")),
        bad("no TorchScript", "data.jsonl", job -> job.model = job.data),
        bad(
            "a frozen model",
            "frozen",
            job -> job.model = TrainFixture.SCRIPTS.resolve("frozen.pt")),
        bad("no layer left", "fc1", _ -> {}, "--exclude_modules", "fc1,fc2"),
        bad("a config out of range", "module_dropout", _ -> {}, "--module_dropout", "2"),
        bad("no config file", "nowhere.json", _ -> {}, "--config", "nowhere.json"),
        bad("a config that is data", "is not valid JSON", job -> {}, "--config", "pom.xml"),
        bad("a device that does not exist", "cuda:99", _ -> {}, "--device", "cuda:99"),
        bad(
            "targets that do not fit the loss",
            "the loss mse needs targets of [1, 4]",
            _ -> {},
            "--loss",
            "mse"),
        bad("no such output", "--output chooses one", _ -> {}, "--output", "logits"),
        bad("inputs of a type that is wrong", "int64", _ -> {}, "--input-dtype", "int64"),
        bad(
            "integers for a model of fractions",
            "--input-dtype float32 converts them",
            job -> Files.writeString(job.data, line("[1, 2, 3, 4]", "1"))),
        new Case(
            "a folder that cannot be made",
            ExitCode.IO,
            "cannot prepare folder",
            job -> job.out = job.data.resolve("out")));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void isOneLineAndLeavesNothing(Case bad) throws IOException {
    var job = new TrainFixture(folder);
    bad.spoiler.spoil(job);
    String failure = job.train(bad.options).expect(bad.exit).failure("oft train");
    assertTrue(failure.contains(bad.message), failure);
    assertFalse(Files.exists(job.out), "nothing is left behind");

    String[] withJson =
        Stream.concat(Stream.of(bad.options), Stream.of("--json")).toArray(String[]::new);
    var error = job.train(withJson).expect(bad.exit).json().path("error");
    assertEquals(bad.exit.code(), error.path("exit_code").asInt());
    assertEquals(failure, error.path("message").asText());
  }

  private static void tensor(TrainFixture job, String name, String dtype, String shape, int bytes)
      throws IOException {
    String header =
        "{\"%s\": {\"dtype\": \"%s\", \"shape\": %s, \"data_offsets\": [0, %d]}}"
            .formatted(name, dtype, shape, bytes);
    safetensors(job, MergeFixture.safetensors(header, new byte[bytes]));
  }

  private static void safetensors(TrainFixture job, byte[] content) throws IOException {
    job.data = Files.write(job.folder.resolve("data.safetensors"), content);
  }
}
