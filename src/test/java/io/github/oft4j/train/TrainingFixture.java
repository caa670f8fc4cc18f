package io.github.oft4j.train;

import io.github.oft4j.OFTConfig;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTScope;
import io.github.oft4j.ScriptModule;
import io.github.oft4j.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A model, small and fresh, and data for it that are always the same. */
final class TrainingFixture implements AutoCloseable {
  static final int FEATURES = 16;
  static final int BATCH_SIZE = 4;

  /** Numbers, {@code [rows, FEATURES]} and {@code [rows, outputs]}. */
  record Batch(float[][] x, float[][] y) {}

  final OFTModel model;
  private final OFTScope scope;
  private final int outputs;

  private TrainingFixture(String script, int outputs, double moduleDropout, String... targets) {
    this.outputs = outputs;
    scope = OFTScope.open();
    Path data = Path.of(System.getProperty("oft4j.testData", "native/tests/data"));
    var base = ScriptModule.load(scope, data.resolve("scripts").resolve(script));
    var config =
        OFTConfig.builder()
            .targetModules(targets)
            .oftBlockSize(8)
            .moduleDropout(moduleDropout)
            .build();
    model = OFTModel.create(base, config);
  }

  /** Three Linears, two of them rotated. */
  static TrainingFixture mlp() {
    return new TrainingFixture("mlp_scripted.pt", 4, 0, "fc1", "fc2");
  }

  /** A Linear whose rotation and outputs are left out at random. */
  static TrainingFixture dropout() {
    return new TrainingFixture("dropout_scripted.pt", FEATURES, 0.25, "fc");
  }

  Trainer<Batch> trainer(int batches) {
    return trainer(batches(batches));
  }

  Trainer<Batch> trainer(Iterable<Batch> batches) {
    return Trainer.of(model, batches, TrainingFixture::loss).learningRate(0.02).seed(7);
  }

  static Tensor loss(Step step, Batch batch) {
    return step.forward(step.tensor(batch.x)).mse(step.tensor(batch.y));
  }

  List<Batch> batches(int count) {
    var random = new Random(3);
    var batches = new ArrayList<Batch>();
    for (int i = 0; i < count; i++) {
      batches.add(
          new Batch(matrix(random, BATCH_SIZE, FEATURES), matrix(random, BATCH_SIZE, outputs)));
    }
    return batches;
  }

  /** The parameters of all layers, one after the other. */
  List<Float> parameters() {
    var numbers = new ArrayList<Float>();
    try (var reading = scope.child()) {
      model
          .namedTrainableParameters()
          .values()
          .forEach(
              tensor -> {
                for (float number : tensor.in(reading).toFloatArray()) {
                  numbers.add(number);
                }
              });
    }
    return numbers;
  }

  @Override
  public void close() {
    scope.close();
  }

  private static float[][] matrix(Random random, int rows, int columns) {
    var matrix = new float[rows][columns];
    for (float[] row : matrix) {
      for (int i = 0; i < columns; i++) {
        row[i] = (float) random.nextGaussian();
      }
    }
    return matrix;
  }
}
