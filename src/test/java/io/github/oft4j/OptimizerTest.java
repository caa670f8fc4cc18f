package io.github.oft4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(LeakCheck.class)
class OptimizerTest {
  private static final double TOLERANCE = 1e-6;

  private OFTScope scope;
  private Tensor w;

  @BeforeEach
  void makeParameter() {
    scope = OFTScope.open();
    w = parameter(1);
  }

  @AfterEach
  void closeScope() {
    scope.close();
  }

  private Tensor parameter(double value) {
    return scope.tensor(new double[] {value}).requireGrad(true);
  }

  /** One step down the slope of {@code slope * tensor}. */
  private static void descend(Optimizer optimizer, Tensor tensor, double slope) {
    try (var step = OFTScope.open()) {
      optimizer.zeroGrad();
      tensor.in(step).mul(slope).sum().backward();
      optimizer.step();
    }
  }

  static Stream<Arguments> algorithms() {
    return Stream.of(
        // w (1 - lr wd) - lr m/(sqrt(v) + eps), where the first m/sqrt(v) is the sign of the slope
        algorithm("AdamW", w -> Optimizer.adamW(w, 0.1), 0.899, 0.899 * 0.999 - 0.1),
        algorithm("Adam", w -> Optimizer.adam(w, 0.1), 0.9, 0.8),
        algorithm("SGD", w -> Optimizer.sgd(w, 0.1, 0), 0.8, 0.6),
        algorithm("SGD with momentum", w -> Optimizer.sgd(w, 0.1, 0.9), 0.8, 0.42),
        // lr / sqrt(k) after k equal slopes
        algorithm("Adagrad", w -> Optimizer.adagrad(w, 0.1), 0.9, 0.9 - 0.1 / Math.sqrt(2)),
        // the mean square is 0.01, then 0.0199 of the slope's square
        algorithm("RMSprop", w -> Optimizer.rmsProp(w, 0.1), 0, -0.1 / Math.sqrt(0.0199)));
  }

  private static Arguments algorithm(
      String name, Function<List<Tensor>, Optimizer> factory, double first, double second) {
    return Arguments.of(name, factory, first, second);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("algorithms")
  void stepsAreThoseOfTheFormula(
      String name, Function<List<Tensor>, Optimizer> factory, double first, double second) {
    try (Optimizer optimizer = factory.apply(List.of(w))) {
      descend(optimizer, w, 2);
      assertEquals(first, w.item(), TOLERANCE);
      descend(optimizer, w, 2);
      assertEquals(second, w.item(), TOLERANCE);
    }
  }

  @Test
  void gradientsAccumulateUntilTheyAreDropped() {
    Optimizer optimizer = Optimizer.sgd(List.of(w), 0.1, 0);
    w.mul(2).sum().backward();
    w.mul(3).sum().backward();
    optimizer.step();
    assertEquals(0.5, w.item(), TOLERANCE);
    optimizer.zeroGrad();
    assertTrue(w.grad().isEmpty());
    optimizer.step();
    assertEquals(0.5, w.item(), TOLERANCE);
  }

  @Test
  void learningRatesChange() {
    Optimizer optimizer = Optimizer.sgd(List.of(w), 0.1, 0);
    assertEquals(0.1, optimizer.learningRate());
    optimizer.setLearningRate(0.25);
    assertEquals(0.25, optimizer.learningRate());
    descend(optimizer, w, 2);
    assertEquals(0.5, w.item(), TOLERANCE);
    assertThrows(OFTArgumentException.class, () -> optimizer.setLearningRate(-1));
    assertThrows(OFTArgumentException.class, () -> optimizer.setLearningRate(1, 0.1));
    assertThrows(OFTArgumentException.class, () -> optimizer.learningRate(1));
  }

  @Test
  void groupsHaveOptionsOfTheirOwn() {
    Tensor other = parameter(1);
    Optimizer optimizer =
        Optimizer.builder(Optimizer.Algorithm.SGD)
            .group(List.of(w), OptimizerOptions.ofLearningRate(0.1))
            .group(
                List.of(other),
                OptimizerOptions.ofLearningRate(0.2).weightDecay(1).momentum(0.5).nesterov(true))
            .build();
    assertEquals(2, optimizer.groups());
    w.add(other).sum().backward();
    optimizer.step();
    assertEquals(0.9, w.item(), TOLERANCE);
    // slope 1 and decay 1 make 2; Nesterov looks half of that ahead
    assertEquals(1 - 0.2 * 3, other.item(), TOLERANCE);

    optimizer.setLearningRate(0.3);
    assertEquals(0.3, optimizer.learningRate(1));
    optimizer.setLearningRate(1, 0.4);
    assertEquals(0.3, optimizer.learningRate(0));
    optimizer.setOptions(0, OptimizerOptions.defaults().weightDecay(0.125));
    String options = optimizer.options(0).json();
    assertTrue(options.contains("\"weight_decay\":0.125"), options);
    assertTrue(options.contains("\"lr\":0.3"), options);
  }

  @Test
  void optionsOfOtherAlgorithmsAreRefused() {
    var builder =
        Optimizer.builder(Optimizer.Algorithm.SGD)
            .group(List.of(w), OptimizerOptions.defaults().betas(0.9, 0.99));
    var thrown = assertThrows(OFTArgumentException.class, builder::build);
    assertTrue(thrown.getMessage().contains("betas"), thrown.getMessage());
    assertThrows(
        OFTArgumentException.class,
        () ->
            Optimizer.builder(Optimizer.Algorithm.ADAM)
                .group(List.of(w), OptimizerOptions.defaults().betas(1.5, 0.99))
                .build());
  }

  @Test
  void parametersMustBeAbleToTrain() {
    assertThrows(OFTArgumentException.class, () -> Optimizer.adamW(List.of(), 0.1));
    Tensor made = w.mul(2);
    assertThrows(OFTArgumentException.class, () -> Optimizer.adamW(List.of(made), 0.1));
    assertThrows(OFTArgumentException.class, () -> Optimizer.adamW(List.of(w, w), 0.1));
  }

  @ParameterizedTest
  @EnumSource(Optimizer.Algorithm.class)
  void aLoadedStateGoesOnAsTheSavedOne(Optimizer.Algorithm algorithm, @TempDir Path folder) {
    Path file = folder.resolve("optimizer.bin");
    var options = OptimizerOptions.ofLearningRate(0.1);
    Optimizer optimizer = Optimizer.builder(algorithm).group(List.of(w), options).build();
    descend(optimizer, w, 2);
    descend(optimizer, w, -1);
    optimizer.setLearningRate(0.05);
    optimizer.save(file);
    Tensor again = parameter(w.item());
    descend(optimizer, w, 3);

    Optimizer loaded = Optimizer.builder(algorithm).group(List.of(again), options).build();
    loaded.load(file);
    assertEquals(0.05, loaded.learningRate());
    descend(loaded, again, 3);
    assertEquals(w.item(), again.item());
  }

  @Test
  void otherFilesAreRefused(@TempDir Path folder) throws IOException {
    Optimizer optimizer = Optimizer.adamW(List.of(w), 0.1);
    assertThrows(OFTNotFoundException.class, () -> optimizer.load(folder.resolve("none")));
    Path text = Files.writeString(folder.resolve("text"), "not a state");
    assertThrows(OFTParseException.class, () -> optimizer.load(text));
    Path sgd = folder.resolve("sgd");
    Optimizer.sgd(List.of(w), 0.1, 0.9).save(sgd);
    assertThrows(OFTArgumentException.class, () -> optimizer.load(sgd));
  }

  @Test
  void itLivesInTheYoungestScopeAndClosesEarlier() {
    try (var inner = scope.child()) {
      Tensor young = inner.tensor(new double[] {1}).requireGrad(true);
      Optimizer optimizer = Optimizer.adamW(List.of(young, w), 0.1);
      assertSame(inner, optimizer.scope());
      long open = OFT.liveHandles();
      optimizer.close();
      assertEquals(open - 1, OFT.liveHandles());
      optimizer.close();
      assertThrows(OFTStateException.class, optimizer::step);
    }
  }

  @Test
  void clippingScalesToACommonNorm() {
    Tensor other = parameter(1);
    w.mul(3).add(other.mul(4)).sum().backward();
    assertEquals(5, Gradients.clip(List.of(w, other), 1), TOLERANCE);
    assertEquals(0.6, w.grad().orElseThrow().item(), TOLERANCE);
    assertEquals(0.8, other.grad().orElseThrow().item(), TOLERANCE);
    assertEquals(1, Gradients.clip(List.of(w, other), 10), TOLERANCE);
    assertEquals(0.6, w.grad().orElseThrow().item(), TOLERANCE);
  }

  @Test
  void gradientsThatAreNotFiniteAreNotClipped() {
    w.mul(Double.POSITIVE_INFINITY).sum().backward();
    assertThrows(OFTArgumentException.class, () -> Gradients.clip(List.of(w), 1));
    assertEquals(Double.POSITIVE_INFINITY, w.grad().orElseThrow().item());
  }

  @Test
  void randomNumbersRepeat() {
    RandomState.seed(42);
    double[] first = noise();
    byte[] state = RandomState.get();
    double[] second = noise();
    RandomState.seed(42);
    assertArrayEquals(first, noise());
    RandomState.set(state);
    assertArrayEquals(second, noise());
    assertThrows(OFTException.class, () -> RandomState.set(new byte[] {1, 2, 3}));
  }

  private double[] noise() {
    return ((Tensor) Operators.call(scope, "aten::randn", List.of(List.of(4)), Map.of()))
        .toDoubleArray();
  }
}
