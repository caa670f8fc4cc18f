package io.github.oft4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.oft4j.DType;
import io.github.oft4j.OFT;
import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.OFTStateException;
import io.github.oft4j.Optimizer;
import io.github.oft4j.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrainerTest {
  @TempDir Path folder;

  @Test
  void lossesFall() {
    try (var job = TrainingFixture.mlp()) {
      var recorder = new Recorder();
      TrainingResult result = job.trainer(4).epochs(15).listener(recorder).fit();
      assertEquals(60, result.steps());
      assertEquals(60, recorder.losses.size());
      assertEquals(recorder.losses.getLast(), result.loss().getAsDouble());
      assertTrue(mean(recorder.losses, 56, 60) < 0.8 * mean(recorder.losses, 0, 4));
    }
  }

  @Test
  void aSeedRepeatsARun() {
    assertEquals(losses(7), losses(7));
    assertNotEquals(losses(7), losses(8));
  }

  @Test
  void dataThatDifferByEpochAreAskedForEachEpoch() {
    try (var job = TrainingFixture.mlp()) {
      var asked = new ArrayList<Long>();
      List<TrainingFixture.Batch> batches = job.batches(3);
      Trainer.ofEpochs(
              job.model,
              epoch -> {
                asked.add(epoch);
                return batches.subList((int) epoch, 3);
              },
              TrainingFixture::loss)
          .batchesPerEpoch(3)
          .epochs(3)
          .fit();
      assertEquals(List.of(0L, 1L, 2L), asked);
    }
  }

  @Test
  void stepsGoOverTheDataAgainAndAgain() {
    try (var job = TrainingFixture.mlp()) {
      var recorder = new Recorder();
      assertEquals(7, job.trainer(3).steps(7).listener(recorder).fit().steps());
      assertEquals(7, recorder.losses.size());
    }
  }

  @Test
  void accumulatedBatchesAreOneLargeBatch() {
    List<Float> expected;
    try (var job = TrainingFixture.mlp()) {
      List<TrainingFixture.Batch> small = job.batches(8);
      var large = List.of(join(small.subList(0, 4)), join(small.subList(4, 8)));
      job.trainer(large).epochs(5).fit();
      expected = job.parameters();
    }
    try (var job = TrainingFixture.mlp()) {
      job.trainer(8).gradientAccumulation(4).epochs(5).fit();
      List<Float> accumulated = job.parameters();
      assertEquals(expected.size(), accumulated.size());
      for (int i = 0; i < expected.size(); i++) {
        assertEquals(expected.get(i), accumulated.get(i), 2e-6f);
      }
      assertTrue(expected.stream().anyMatch(q -> Math.abs(q) > 0.01f), expected::toString);
    }
  }

  @Test
  void theLastStepOfAnEpochTakesWhatIsLeft() {
    try (var job = TrainingFixture.mlp()) {
      assertEquals(2 * 3, job.trainer(7).gradientAccumulation(3).epochs(2).fit().steps());
    }
  }

  @Test
  void learningRatesFollowTheSchedule() {
    try (var job = TrainingFixture.mlp()) {
      var recorder = new Recorder();
      job.trainer(4).epochs(2).schedule(Schedule.linear().warmupSteps(4)).listener(recorder).fit();
      assertEquals(
          List.of(0.0, 0.005, 0.01, 0.015, 0.02, 0.015, 0.01, 0.005), recorder.learningRates);
    }
  }

  @Test
  void gradientsAreClipped() {
    try (var job = TrainingFixture.mlp()) {
      double rate = 0.5;
      double largest = 0.1;
      var norms = new ArrayList<Double>();
      List<Float> before = job.parameters();
      Trainer.of(job.model, job.batches(1), TrainingFixture::loss)
          .steps(1)
          .optimizer(parameters -> Optimizer.sgd(parameters, rate, 0))
          .clipGradients(largest)
          .listener(
              new TrainingListener() {
                @Override
                public boolean onStep(StepReport report) {
                  norms.add(report.gradientNorm());
                  return true;
                }
              })
          .fit();
      List<Float> after = job.parameters();
      double square = 0;
      for (int i = 0; i < after.size(); i++) {
        square += Math.pow(after.get(i) - before.get(i), 2);
      }
      assertTrue(norms.getFirst() > largest, norms::toString);
      assertEquals(rate * largest, Math.sqrt(square), 1e-4);
    }
  }

  @Test
  void lossesRunInTrainingModeMetricsInEvaluationMode() {
    try (var job = TrainingFixture.dropout()) {
      var seen = new ArrayList<Boolean>();
      Trainer.of(
              job.model,
              job.batches(1),
              (Step step, TrainingFixture.Batch batch) -> {
                assertTrue(step.model().isTraining());
                return TrainingFixture.loss(step, batch);
              })
          .steps(1)
          .evaluate(
              Metric.Goal.MINIMIZE,
              step -> {
                seen.add(step.model().isTraining());
                Tensor output = step.forward(step.tensor(job.batches(1).getFirst().x()));
                assertFalse(output.requiresGrad());
                return output.mean().item();
              })
          .fit();
      assertEquals(List.of(false), seen);
      assertFalse(job.model.isTraining());
    }
  }

  @Test
  void autocastRunsInBfloat16AndKeepsParametersInFloat32() {
    try (var job = TrainingFixture.mlp()) {
      var types = new HashSet<DType>();
      Trainer.of(
              job.model,
              job.batches(2),
              (Step step, TrainingFixture.Batch batch) -> {
                Tensor output = step.forward(step.tensor(batch.x()));
                types.add(output.dtype());
                return output.to(DType.FLOAT32).mse(step.tensor(batch.y()));
              })
          .autocast(DType.BFLOAT16)
          .epochs(1)
          .fit();
      job.model.trainableParameters().forEach(tensor -> types.add(tensor.dtype()));
      assertEquals(new HashSet<>(List.of(DType.BFLOAT16, DType.FLOAT32)), types);
    }
  }

  @Test
  void handlesStayFlat() {
    try (var job = TrainingFixture.mlp()) {
      var counts = new ArrayList<Long>();
      job.trainer(4)
          .steps(60)
          .checkpoints(folder)
          .checkpointEverySteps(20)
          .evaluate(Metric.Goal.MINIMIZE, _ -> 1)
          .evaluateEverySteps(10)
          .listener(
              new TrainingListener() {
                @Override
                public boolean onStep(StepReport report) {
                  counts.add(OFT.liveHandles());
                  return true;
                }
              })
          .fit();
      assertEquals(counts.get(1), counts.getLast());
      assertEquals(1, new HashSet<>(counts).size(), counts::toString);
    }
  }

  @Test
  void stopsEarlyWithTheBestAdapter() {
    try (var job = TrainingFixture.mlp()) {
      double[] values = {3, 2, 1, 1.5, 1, 0};
      var evaluations = new AtomicInteger();
      var atBest = new ArrayList<Float>();
      var recorder = new Recorder();
      TrainingResult result =
          job.trainer(2)
              .epochs(6)
              .evaluate(
                  Metric.Goal.MINIMIZE,
                  _ -> {
                    if (evaluations.get() == 2) {
                      atBest.addAll(job.parameters());
                    }
                    return values[evaluations.getAndIncrement()];
                  })
              .earlyStopping(2)
              .listener(recorder)
              .fit();
      assertTrue(result.isStoppedEarly());
      assertTrue(result.isBestRestored());
      assertEquals(10, result.steps());
      assertEquals(new EvaluationReport(6, 1, true), result.best().orElseThrow());
      assertEquals(
          List.of(true, true, true, false, false),
          recorder.evaluations.stream().map(EvaluationReport::isBest).toList());
      assertEquals(atBest, job.parameters());
      assertEquals(List.of(), recorder.checkpoints, "nobody asked for any");
    }
  }

  @Test
  void aLargerValueMayBeTheBetterOne() {
    try (var job = TrainingFixture.mlp()) {
      var evaluations = new AtomicInteger();
      TrainingResult result =
          job.trainer(1)
              .epochs(9)
              .evaluate(Metric.Goal.MAXIMIZE, _ -> Math.min(evaluations.incrementAndGet(), 4))
              .earlyStopping(3)
              .fit();
      assertEquals(4, result.best().orElseThrow().step());
      assertEquals(7, result.steps());
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY})
  void aLossThatIsNotFiniteEndsTheTrainingBeforeItHarms(double poison) {
    try (var job = TrainingFixture.mlp()) {
      var calls = new AtomicInteger();
      var before = new ArrayList<Float>();
      Trainer<TrainingFixture.Batch> trainer =
          Trainer.of(
                  job.model,
                  job.batches(4),
                  (Step step, TrainingFixture.Batch batch) -> {
                    Tensor loss = TrainingFixture.loss(step, batch);
                    if (calls.incrementAndGet() < 6) {
                      return loss;
                    }
                    before.addAll(job.parameters());
                    return loss.mul(poison);
                  })
              .epochs(3);
      String message = assertThrows(DivergedException.class, trainer::fit).getMessage();
      assertTrue(message.startsWith("the loss is " + poison + " after 5 steps"), message);
      assertTrue(message.contains("epoch 1, batch 1"), message);
      assertTrue(message.contains("lower the learning rate"), message);
      assertEquals(before, job.parameters());
    }
  }

  @Test
  void aGradientThatIsNotFiniteEndsTheTrainingBeforeItHarms() {
    try (var job = TrainingFixture.mlp()) {
      List<Float> before = job.parameters();
      Trainer<TrainingFixture.Batch> trainer =
          Trainer.of(
                  job.model,
                  job.batches(1),
                  (Step step, TrainingFixture.Batch batch) -> // the slope of a root at 0
                  TrainingFixture.loss(step, batch).mul(0).sqrt())
              .steps(1);
      String message = assertThrows(DivergedException.class, trainer::fit).getMessage();
      assertTrue(message.startsWith("the gradient is not finite after 0 steps"), message);
      assertEquals(before, job.parameters());
    }
  }

  @Test
  void theLogIsAJsonObjectALine() throws IOException {
    try (var job = TrainingFixture.mlp()) {
      var recorder = new Recorder();
      Path log = folder.resolve("log.jsonl");
      job.trainer(2)
          .epochs(2)
          .evaluate(Metric.Goal.MINIMIZE, _ -> 0.5)
          .log(log)
          .listener(recorder)
          .fit();
      var mapper = new ObjectMapper();
      var events = new ArrayList<String>();
      var losses = new ArrayList<Double>();
      for (String line : Files.readAllLines(log)) {
        var event = mapper.readTree(line);
        events.add(event.get("event").textValue() + event.get("step").longValue());
        if (event.has("loss")) {
          losses.add(event.get("loss").doubleValue());
          assertEquals(0.02, event.get("learning_rate").doubleValue());
          assertTrue(event.get("gradient_norm").doubleValue() > 0);
          assertTrue(event.get("seconds").doubleValue() > 0);
        } else {
          assertEquals(0.5, event.get("value").doubleValue());
          assertEquals(event.get("step").longValue() == 2, event.get("is_best").booleanValue());
        }
      }
      assertEquals(
          List.of("step1", "step2", "evaluation2", "step3", "step4", "evaluation4"), events);
      assertEquals(recorder.losses, losses);
    }
  }

  static Stream<Arguments> refusals() {
    return Stream.of(
        refusal("how long to train is unknown", trainer -> trainer),
        refusal("both epochs and steps", trainer -> trainer.epochs(1).steps(1)),
        refusal("epochs is 0", trainer -> trainer.epochs(0)),
        refusal("steps is -1", trainer -> trainer.steps(-1)),
        refusal("learningRate is -0.1", trainer -> trainer.learningRate(-0.1)),
        refusal("clipGradients is NaN", trainer -> trainer.clipGradients(Double.NaN)),
        refusal("gradientAccumulation is 0", trainer -> trainer.gradientAccumulation(0)),
        refusal("autocast is float16", trainer -> trainer.autocast(DType.FLOAT16)),
        refusal("earlyStopping needs a metric", trainer -> trainer.steps(1).earlyStopping(1)),
        refusal("no metric", trainer -> trainer.steps(1).evaluateEverySteps(1)),
        refusal("no folder", trainer -> trainer.steps(1).checkpointEverySteps(1)),
        refusal("resume needs a folder", trainer -> trainer.steps(1).resume()),
        refusal(
            "learningRate(0.02) is AdamW's",
            trainer -> trainer.steps(1).optimizer(p -> Optimizer.sgd(p, 1, 0))));
  }

  private static Arguments refusal(String message, Setting setting) {
    return Arguments.of(message, setting);
  }

  private interface Setting {
    Trainer<?> apply(Trainer<?> trainer);
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void refusesWhatCannotBe(String message, Setting setting) {
    try (var job = TrainingFixture.mlp()) {
      var failure =
          assertThrows(OFTArgumentException.class, () -> setting.apply(job.trainer(1)).fit());
      assertTrue(failure.getMessage().contains(message), failure.getMessage());
    }
  }

  @Test
  void refusesAModelThatCannotLearn() {
    try (var job = TrainingFixture.mlp()) {
      job.model.mergeAdapter();
      assertState("adapters [default] are merged", job.trainer(1));
      job.model.unmergeAdapter();
      job.model.disableAdapter();
      assertState("call enableAdapter()", job.trainer(1));
    }
  }

  @Test
  void refusesDataThatRunOut() {
    try (var job = TrainingFixture.mlp()) {
      var once = job.batches(2).iterator();
      Iterable<TrainingFixture.Batch> batches = () -> once;
      var failure =
          assertThrows(
              OFTArgumentException.class,
              () -> job.trainer(batches).batchesPerEpoch(2).epochs(2).fit());
      assertTrue(failure.getMessage().contains("epoch 1 has no batches"), failure.getMessage());
    }
  }

  private static void assertState(String part, Trainer<?> trainer) {
    String message =
        assertThrows(OFTStateException.class, () -> trainer.steps(1).fit()).getMessage();
    assertTrue(message.contains(part), message);
  }

  private static List<Double> losses(long seed) {
    try (var job = TrainingFixture.dropout()) {
      var recorder = new Recorder();
      job.trainer(3).seed(seed).epochs(2).listener(recorder).fit();
      return recorder.losses;
    }
  }

  private static TrainingFixture.Batch join(List<TrainingFixture.Batch> batches) {
    return new TrainingFixture.Batch(
        batches.stream().flatMap(batch -> Stream.of(batch.x())).toArray(float[][]::new),
        batches.stream().flatMap(batch -> Stream.of(batch.y())).toArray(float[][]::new));
  }

  private static double mean(List<Double> numbers, int begin, int end) {
    return numbers.subList(begin, end).stream().mapToDouble(x -> x).average().orElseThrow();
  }
}
