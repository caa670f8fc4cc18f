package io.github.oft4j;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.ffm.OftC;

/**
 * libtorch's random generators, which dropout, initial parameters and random operators draw from.
 * One for the whole process: a run can be repeated where one thread draws.
 */
public final class RandomState {
  private RandomState() {}

  /**
   * Seeds the generators of all devices.
   *
   * @param seed any
   */
  public static void seed(long seed) {
    try (var call = Call.open()) {
      call.check(OftC.oft_random_seed(seed, call.error()));
    }
  }

  /**
   * The state of the processor's generator.
   *
   * @return to be given to {@link #set}
   */
  public static byte[] get() {
    try (var scope = OFTScope.open()) {
      return state(scope).toByteArray();
    }
  }

  /**
   * Makes the processor's generator go on from a state.
   *
   * @param state as {@link #get} gave it
   * @throws OFTArgumentException where it is no such state
   */
  public static void set(byte[] state) {
    try (var scope = OFTScope.open();
        var call = Call.open()) {
      var tensor = Tensor.of(scope, state, state.length);
      call.check(OftC.oft_random_set_state(call.lease(tensor.handle), call.error()));
    }
  }

  private static Tensor state(OFTScope scope) {
    try (var call = Call.open()) {
      call.check(OftC.oft_random_state(call.out(), call.error()));
      return Tensor.adopt(call, scope, null);
    }
  }
}
