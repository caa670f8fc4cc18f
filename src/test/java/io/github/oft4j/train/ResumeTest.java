package io.github.oft4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.OFTCancelledException;
import io.github.oft4j.OFTException;
import io.github.oft4j.OFTParseException;
import io.github.oft4j.OFTStateException;
import io.github.oft4j.Optimizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A training that stops and resumes is the same as one that never stopped. */
class ResumeTest {
  private static final int BATCHES = 5;
  private static final int EPOCHS = 3;

  @TempDir Path folder;

  static Stream<Arguments> stops() {
    Supplier<TrainingFixture> mlp = TrainingFixture::mlp;
    Supplier<TrainingFixture> dropout = TrainingFixture::dropout;
    return Stream.of(
        Arguments.of("mlp in an epoch", mlp, 7, 1),
        Arguments.of("mlp between epochs", mlp, 5, 1),
        Arguments.of("mlp that accumulates", mlp, 4, 2),
        Arguments.of("dropout in an epoch", dropout, 8, 1),
        Arguments.of("dropout after one step", dropout, 1, 1),
        Arguments.of("dropout before the last step", dropout, 14, 1));
  }

  /**
   * Compares with a run that does not stop.
   *
   * @param lastStep where the first run stops
   * @param accumulation batches of a step
   */
  @ParameterizedTest(name = "{0}")
  @MethodSource("stops")
  void isTheSameToTheBit(
      String name, Supplier<TrainingFixture> fixture, long lastStep, int accumulation)
      throws IOException {
    var whole = new Recorder();
    List<Float> expected;
    Path wholeLog = folder.resolve("whole.jsonl");
    try (var job = fixture.get()) {
      trainer(job, accumulation).log(wholeLog).listener(whole).fit();
      expected = job.parameters();
    }

    var first = new Recorder(lastStep);
    var second = new Recorder();
    Path log = folder.resolve("log.jsonl");
    Path checkpoints = folder.resolve("checkpoints");
    try (var job = fixture.get()) {
      Trainer<?> trainer =
          trainer(job, accumulation).log(log).checkpoints(checkpoints).listener(first);
      String message = assertThrows(OFTCancelledException.class, trainer::fit).getMessage();
      assertTrue(message.contains("after step " + lastStep + " of"), message);
    }
    try (var job = fixture.get()) {
      TrainingResult result =
          trainer(job, accumulation)
              .log(log)
              .checkpoints(checkpoints)
              .resume()
              .listener(second)
              .fit();
      assertEquals(whole.losses.size(), result.steps());
      assertEquals(whole.losses.size() - lastStep, result.stepsOfThisRun());
      assertEquals(expected, job.parameters());
    }
    assertEquals(whole.losses, joined(first.losses, second.losses));
    assertEquals(whole.evaluations, joined(first.evaluations, second.evaluations));
    assertEquals(withoutTimes(wholeLog), withoutTimes(log));
  }

  @Test
  void theLogForgetsWhatCameAfterTheCheckpoint() throws IOException {
    Path log = folder.resolve("log.jsonl");
    try (var job = TrainingFixture.mlp()) {
      job.trainer(2).steps(4).checkpoints(folder).log(log).fit();
    }
    Files.writeString(log, "{\"event\": \"a step without a check", StandardOpenOption.APPEND);
    try (var job = TrainingFixture.mlp()) {
      job.trainer(2).steps(6).checkpoints(folder).log(log).resume().fit();
    }
    assertEquals(6, withoutTimes(log).size());
  }

  @Test
  void aTrainingThatIsOverStaysSo() {
    try (var job = TrainingFixture.mlp()) {
      job.trainer(2).steps(3).checkpoints(folder).fit();
    }
    try (var job = TrainingFixture.mlp()) {
      TrainingResult result = job.trainer(2).steps(3).checkpoints(folder).resume().fit();
      assertEquals(3, result.steps());
      assertEquals(0, result.stepsOfThisRun());
      assertTrue(result.loss().isEmpty());
    }
  }

  @Test
  void aFirstRunMayResume() {
    try (var job = TrainingFixture.mlp()) {
      assertEquals(2, job.trainer(2).steps(2).checkpoints(folder).resume().fit().steps());
    }
  }

  @Test
  void earlyStoppingRemembersItsBestAdapter() {
    double[] values = {3, 1, 2, 2, 2, 0};
    try (var job = TrainingFixture.mlp()) {
      Trainer<?> trainer = stopping(job, values, 0).listener(new Recorder(4));
      assertThrows(OFTCancelledException.class, trainer::fit);
    }
    List<Float> best;
    try (var job = TrainingFixture.mlp()) {
      job.model.loadAdapter(folder.resolve("checkpoint-2/adapter"), "default", true);
      best = job.parameters();
    }
    try (var job = TrainingFixture.mlp()) {
      TrainingResult result = stopping(job, values, 4).resume().fit();
      assertTrue(result.isStoppedEarly());
      assertEquals(5, result.steps());
      assertEquals(2, result.best().orElseThrow().step());
      assertEquals(best, job.parameters());
    }
  }

  @Test
  void anEarlierRunIsNotOverwritten() {
    try (var job = TrainingFixture.mlp()) {
      job.trainer(2).steps(3).checkpoints(folder).fit();
      assertRefusal(
          OFTStateException.class,
          "checkpoint-3 is of an earlier run: resume()",
          job.trainer(2).steps(3).checkpoints(folder));
    }
  }

  @Test
  void refusesOtherData() {
    try (var job = TrainingFixture.mlp()) {
      Trainer<?> trainer =
          job.trainer(BATCHES).steps(9).checkpoints(folder).listener(new Recorder(4));
      assertThrows(OFTCancelledException.class, trainer::fit);
      assertRefusal(
          OFTArgumentException.class,
          "epoch 0 has no more than 4 batches",
          job.trainer(4).steps(9).checkpoints(folder).resume());
    }
  }

  @Test
  void refusesAnotherOptimizer() {
    try (var job = TrainingFixture.mlp()) {
      job.trainer(2).steps(3).checkpoints(folder).fit();
      Trainer<?> trainer =
          Trainer.of(job.model, job.batches(2), TrainingFixture::loss)
              .optimizer(parameters -> Optimizer.sgd(parameters, 0.1, 0.9))
              .steps(5)
              .checkpoints(folder)
              .resume();
      assertRefusal(OFTArgumentException.class, "AdamW", trainer);
    }
  }

  @Test
  void refusesASpoiltState() throws IOException {
    try (var job = TrainingFixture.mlp()) {
      job.trainer(2).steps(3).checkpoints(folder).fit();
      Files.writeString(folder.resolve("checkpoint-3/state.json"), "{\"step\": 3}");
      assertRefusal(
          OFTParseException.class,
          "state.json is no state of a training",
          job.trainer(2).steps(5).checkpoints(folder).resume());
    }
  }

  /** With a schedule and evaluations, so that these go on as well. */
  private static Trainer<?> trainer(TrainingFixture job, int accumulation) {
    List<TrainingFixture.Batch> batches = job.batches(BATCHES);
    return job.trainer(batches)
        .epochs(EPOCHS)
        .gradientAccumulation(accumulation)
        .schedule(Schedule.cosine().warmupSteps(3))
        .clipGradients(0.5)
        .evaluate(Metric.Goal.MINIMIZE, s -> TrainingFixture.loss(s, batches.getFirst()).item())
        .evaluateEverySteps(2);
  }

  private Trainer<?> stopping(TrainingFixture job, double[] values, int firstValue) {
    var evaluations = new AtomicInteger(firstValue);
    return job.trainer(BATCHES)
        .steps(9)
        .evaluate(Metric.Goal.MINIMIZE, _ -> values[evaluations.getAndIncrement()])
        .evaluateEverySteps(1)
        .earlyStopping(3)
        .checkpoints(folder)
        .checkpointEverySteps(100);
  }

  private static void assertRefusal(
      Class<? extends OFTException> type, String part, Trainer<?> trainer) {
    String message = assertThrows(type, trainer::fit).getMessage();
    assertTrue(message.contains(part), message);
  }

  private static List<String> withoutTimes(Path log) throws IOException {
    return Files.readAllLines(log).stream()
        .map(line -> line.replaceAll(",\"seconds\":[^}]*", ""))
        .toList();
  }

  private static <T> List<T> joined(List<T> first, List<T> second) {
    return Stream.concat(first.stream(), second.stream()).toList();
  }
}
