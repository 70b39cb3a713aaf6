/*
 * empty - the contender of the benchmark that does nothing: what starting and ending a static
 * program costs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
int main(void)
{
    return 0;
}
