package io.github.oft4j.cli;

import java.nio.file.Path;

/** The classifier of {@code examples/digits} in plain Java: fc1, ReLU, fc2, ReLU, head. */
final class DigitNet {
  private static final float LARGEST_PIXEL = 16;

  private final Layer fc1;
  private final Layer fc2;
  private final Layer head;

  private DigitNet(Safetensors weights) throws CliException {
    fc1 = Layer.of(weights, "fc1");
    fc2 = Layer.of(weights, "fc2");
    head = Layer.of(weights, "head");
  }

  static DigitNet load(Path weights) throws CliException {
    return new DigitNet(Safetensors.read(weights));
  }

  /**
   * The share of images that are recognised.
   *
   * @param images [n, 64] pixels of 0 to 16
   * @param labels [n] digits
   */
  double accuracy(float[] images, long[] labels) {
    int pixels = images.length / labels.length;
    int right = 0;
    for (int i = 0; i < labels.length; i++) {
      var image = new float[pixels];
      for (int j = 0; j < pixels; j++) {
        image[j] = images[i * pixels + j] / LARGEST_PIXEL;
      }
      right += digit(image) == labels[i] ? 1 : 0;
    }
    return (double) right / labels.length;
  }

  private int digit(float[] image) {
    float[] scores = head.apply(relu(fc2.apply(relu(fc1.apply(image)))));
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      best = scores[i] > scores[best] ? i : best;
    }
    return best;
  }

  private static float[] relu(float[] x) {
    for (int i = 0; i < x.length; i++) {
      x[i] = Math.max(0, x[i]);
    }
    return x;
  }

  /** W x + b. */
  private record Layer(float[] weight, float[] bias) {
    static Layer of(Safetensors weights, String name) throws CliException {
      return new Layer(weights.floats(name + ".weight"), weights.floats(name + ".bias"));
    }

    float[] apply(float[] x) {
      float[] y = bias.clone();
      for (int out = 0; out < y.length; out++) {
        for (int in = 0; in < x.length; in++) {
          y[out] += weight[out * x.length + in] * x[in];
        }
      }
      return y;
    }
  }
}
