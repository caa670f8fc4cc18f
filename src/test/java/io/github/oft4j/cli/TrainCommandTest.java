package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTScope;
import io.github.oft4j.ScriptModule;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainCommandTest {
  @TempDir Path folder;

  @Test
  void trainsAnAdapterAndTellsAboutIt() throws IOException {
    var job = new TrainFixture(folder);
    CliRun run =
        job.train("--epochs", "6", "--lr", "0.02", "--batch-size", "8", "--eval", job.data + "")
            .expect(ExitCode.DONE);
    assertTrue(run.out().startsWith("Trained " + job.model + "\n"), run.out());
    assertTrue(run.out().contains("  examples       24, judged by 24\n"), run.out());
    assertTrue(
        run.out().contains("  adapter        2 layers, exact Cayley, blocks of 8, 168 parameters"),
        run.out());
    assertTrue(run.out().contains("  training       18 steps in "), run.out());
    run.err().lines().forEach(line -> assertTrue(line.matches("oft train: \\d+ % .*"), line));
    JsonNode info = CliRun.of("info", job.out, "--json").expect(ExitCode.DONE).json();
    assertEquals("fc1", info.at("/layers/0/name").asText());
    assertEquals(8, info.at("/config/oft_block_size").asInt());
    assertEquals(18 + 6, Files.readAllLines(job.out.resolve("log.jsonl")).size());
  }

  @Test
  void jsonIsOneDocument() throws IOException {
    var job = new TrainFixture(folder);
    JsonNode report =
        job.train("--steps", "30", "--lr", "0.02", "--eval-fraction", "0.25", "--json")
            .expect(ExitCode.DONE)
            .json();
    assertEquals(18, report.path("examples").asInt());
    assertEquals(6, report.path("evaluation_examples").asInt());
    assertEquals(30, report.path("steps").asInt());
    assertEquals(168, report.path("trainable_parameters").asInt());
    assertTrue(report.at("/before/loss").asDouble() > 0);
    assertTrue(report.at("/after/accuracy").asDouble() >= 0);
    assertTrue(report.path("loss").asDouble() < report.at("/before/loss").asDouble());
    assertFalse(report.path("stopped_early").asBoolean());
  }

  @Test
  void configurationComesFromAFileAndOptionsChangeIt() throws IOException {
    var job = new TrainFixture(folder);
    Path config = folder.resolve("config.json");
    Files.writeString(
        config,
        """
        {"peft_type": "OFT", "r": 2, "oft_block_size": 0, "target_modules": ["head"],
         "bias": "none", "coft": false, "eps": 0.5}
        """);
    job.train("--config", config + "", "--coft", "--steps", "1").expect(ExitCode.DONE);
    JsonNode written = new ObjectMapper().readTree(job.out.resolve("adapter_config.json").toFile());
    assertEquals(8, written.path("oft_block_size").asInt());
    assertEquals(0, written.path("r").asInt());
    assertEquals("[\"fc1\",\"fc2\"]", written.path("target_modules").toString());
    assertTrue(written.path("coft").asBoolean());
    assertEquals(0.5, written.path("eps").asDouble());
  }

  @Test
  void theMergedModelIsTheAdaptedOne() throws IOException {
    var job = new TrainFixture(folder);
    Path merged = folder.resolve("merged.pt");
    job.train("--steps", "8", "--lr", "0.05", "--merged", merged + "").expect(ExitCode.DONE);
    try (var scope = OFTScope.open()) {
      var x = scope.tensor(new float[2][TrainFixture.FEATURES]).add(0.5);
      var model = OFTModel.fromPretrained(ScriptModule.load(scope, job.model), job.out);
      float[] adapted = model.forward(x).toFloatArray();
      assertArrayEquals(adapted, ScriptModule.load(scope, merged).forward(x).toFloatArray(), 1e-5f);
      float[] base = ScriptModule.load(scope, job.model).forward(x).toFloatArray();
      assertTrue(Math.abs(base[0] - adapted[0]) > 1e-3, () -> base[0] + " " + adapted[0]);
    }
  }

  @Test
  void resumesWhatWasInterrupted() throws IOException {
    var whole = new TrainFixture(Files.createDirectory(folder.resolve("whole")));
    String[] options = {"--epochs", "4", "--batch-size", "8", "--eval-fraction", "0.2"};
    JsonNode expected = whole.train(with(options, "--json")).expect(ExitCode.DONE).json();

    var job = new TrainFixture(Files.createDirectory(folder.resolve("interrupted")));
    var interruption = new Interruption();
    interruption.request();
    var err = new ByteArrayOutputStream();
    var out = new ByteArrayOutputStream();
    var session = new Session(new PrintStream(out), new PrintStream(err), false, interruption);
    String[] words = {
      "train",
      job.model + "",
      job.data + "",
      job.out + "",
      "--target_modules",
      "fc1,fc2",
      "--oft_block_size",
      "8"
    };
    assertEquals(ExitCode.CANCELLED.code(), Main.run(with(words, options), session));
    String failure = err.toString(StandardCharsets.UTF_8);
    assertTrue(failure.startsWith("oft train: the training was cancelled after step 1"), failure);
    assertTrue(Files.exists(job.out.resolve("checkpoints/checkpoint-1")));

    JsonNode resumed = job.train(with(options, "--resume", "--json")).expect(ExitCode.DONE).json();
    assertEquals(expected.path("steps"), resumed.path("steps"));
    assertEquals(
        expected.path("steps_of_this_run").asInt() - 1, resumed.path("steps_of_this_run").asInt());
    for (String key : List.of("loss", "before", "after", "best")) {
      assertEquals(expected.path(key), resumed.path(key), key);
    }
    assertEquals(-1, Files.mismatch(parameters(whole), parameters(job)));
  }

  @Test
  void replacesAnEarlierTrainingOnlyByForce() throws IOException {
    var job = new TrainFixture(folder);
    job.train("--steps", "2").expect(ExitCode.DONE);
    byte[] before = Files.readAllBytes(parameters(job));
    String failure = job.train("--steps", "3").expect(ExitCode.BAD_INPUT).failure("oft train");
    assertTrue(failure.contains("--resume goes on from it, --force replaces it"), failure);
    assertArrayEquals(before, Files.readAllBytes(parameters(job)));
    job.train("--steps", "3", "--force").expect(ExitCode.DONE);
    assertEquals(3, Files.readAllLines(job.out.resolve("log.jsonl")).size());
  }

  @Test
  void drawsLossesAndAngles() throws IOException {
    var job = new TrainFixture(folder);
    Path plot = folder.resolve("plot.svg");
    job.train("--steps", "4", "--eval", job.data + "", "--plot", plot + "").expect(ExitCode.DONE);
    String svg = Files.readString(plot);
    for (String text :
        List.of("loss of each step", "loss of each evaluation", "largest angle", "fc1", "fc2")) {
      assertTrue(svg.contains(">" + text + "<"), text);
    }
  }

  @Test
  void stopsEarly() throws IOException {
    var job = new TrainFixture(folder);
    JsonNode report =
        job.train(
                "--steps",
                "50",
                "--lr",
                "0.5",
                "--schedule",
                "constant",
                "--eval-fraction",
                "0.25",
                "--eval-every",
                "1",
                "--patience",
                "3",
                "--json")
            .expect(ExitCode.DONE)
            .json();
    assertTrue(report.path("stopped_early").asBoolean(), report::toString);
    assertEquals(report.at("/best/step").asInt() + 3, report.path("steps").asInt());
    assertTrue(report.path("best_restored").asBoolean());
    assertEquals(report.at("/best/loss").asDouble(), report.at("/after/loss").asDouble(), 1e-6);
  }

  @Test
  void aTrainingThatDivergesIsExitCode1() throws IOException {
    var job = new TrainFixture(folder);
    job.replaceLine(3, TrainFixture.line(TrainFixture.numbers(16).replace("0.5,", "1e300,"), "1"));
    String failure = job.train("--epochs", "1").expect(ExitCode.CHECK_FAILED).failure("oft train");
    assertTrue(failure.contains("after 0 steps"), failure);
  }

  @Test
  void everyOptimizerAndScheduleTrains() throws IOException {
    var job = new TrainFixture(folder);
    for (String optimizer : List.of("adamw", "adam", "sgd", "adagrad", "rmsprop")) {
      for (String schedule : List.of("constant", "linear", "cosine")) {
        job.train(
                "--steps",
                "3",
                "--optimizer",
                optimizer,
                "--schedule",
                schedule,
                "--warmup",
                "0.5",
                "--weight-decay",
                "0.1",
                "--clip",
                "1",
                "--accumulate",
                "2",
                "--force")
            .expect(ExitCode.DONE);
      }
    }
  }

  @Test
  void autocastTrains() throws IOException {
    new TrainFixture(folder).train("--steps", "3", "--autocast").expect(ExitCode.DONE);
  }

  @Test
  void numbersCanBeTargets() throws IOException {
    var job = new TrainFixture(folder);
    var random = new Random(2);
    Files.write(
        job.data,
        Stream.generate(
                () ->
                    TrainFixture.line(
                        text(random.doubles(16).toArray()), text(random.doubles(4).toArray())))
            .limit(12)
            .toList());
    for (String loss : List.of("mse", "cosine")) {
      JsonNode report =
          job.train(
                  "--loss",
                  loss,
                  "--steps",
                  "20",
                  "--lr",
                  "0.02",
                  "--batch-size",
                  "12",
                  "--eval",
                  job.data + "",
                  "--force",
                  "--json")
              .expect(ExitCode.DONE)
              .json();
      double before = report.at("/before/loss").asDouble();
      assertTrue(report.at("/after/loss").asDouble() < 0.9 * before, report::toString);
      assertTrue(report.at("/before/accuracy").isMissingNode());
    }
  }

  @Test
  void inputsCanBeNamed() throws IOException {
    var job = new TrainFixture(folder);
    JsonNode byPosition = job.train("--steps", "4", "--json").expect(ExitCode.DONE).json();
    Files.write(
        job.data,
        TrainFixture.lines().stream()
            .map(line -> line.replaceFirst("\\[(.*)]", "{\"x\": [$1]}"))
            .toList());
    JsonNode byName = job.train("--steps", "4", "--force", "--json").expect(ExitCode.DONE).json();
    assertEquals(byPosition.path("loss"), byName.path("loss"));
  }

  @Test
  void readsSafetensors() throws IOException {
    var job = new TrainFixture(folder);
    JsonNode fromLines = job.train("--steps", "4", "--json").expect(ExitCode.DONE).json();
    job.data = folder.resolve("data.safetensors");
    int inputBytes = TrainFixture.EXAMPLES * TrainFixture.FEATURES * Float.BYTES;
    int bytes = inputBytes + TrainFixture.EXAMPLES;
    var content = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    var targets = new byte[TrainFixture.EXAMPLES];
    for (int i = 0; i < TrainFixture.EXAMPLES; i++) {
      JsonNode example = new ObjectMapper().readTree(TrainFixture.lines().get(i));
      example.path("input").forEach(number -> content.putFloat((float) number.asDouble()));
      targets[i] = (byte) example.path("target").asInt();
    }
    content.put(targets);
    String header =
        """
        {"x": {"dtype": "F32", "shape": [24, 16], "data_offsets": [0, %d]},
         "y": {"dtype": "U8", "shape": [24], "data_offsets": [%d, %d]}}\
        """
            .formatted(inputBytes, inputBytes, bytes);
    Files.write(job.data, MergeFixture.safetensors(header, content.array()));
    JsonNode fromTensors =
        job.train("--steps", "4", "--inputs", "x", "--targets", "y", "--force", "--json")
            .expect(ExitCode.DONE)
            .json();
    assertEquals(fromLines.path("loss"), fromTensors.path("loss"));
  }

  private static Path parameters(TrainFixture job) {
    return job.out.resolve("adapter_model.safetensors");
  }

  private static String[] with(String[] words, String... more) {
    return Stream.concat(Stream.of(words), Stream.of(more)).toArray(String[]::new);
  }

  private static String text(double[] numbers) {
    return Arrays.toString(numbers);
  }
}
